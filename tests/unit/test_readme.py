"""The README tells the truth: its tables are what the code says."""

import re
from pathlib import Path
from typing import get_args

from pydantic_core import PydanticUndefined

from app.api.errors import PLAIN, name_of, status_of
from app.domain import NoticeCode
from app.errors import AskdError, SetupError
from app.settings import PREFIX, Settings
from tests.unit.test_layers import every_error

README = Path("README.md").read_text(encoding="utf-8")


def settings_table() -> list[str]:
    rows = []
    for name, field in Settings.model_fields.items():
        given = "" if field.default in (None, PydanticUndefined) else f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {given} | {field.description} |")
    return rows


def problem_names() -> set[tuple[str, int]]:
    """Name and status of every problem the service can answer with."""
    leaves = [kind for kind in every_error(AskdError) if not kind.__subclasses__()]
    ours = {(name_of(kind), int(status_of(kind))) for kind in leaves if not issubclass(kind, SetupError)}
    return ours | {(name, status) for status, name in PLAIN.items()}


def test_the_settings_table_is_complete_and_right() -> None:
    missing = [row for row in settings_table() if row not in README]
    assert not missing, "rows the README lacks:\n" + "\n".join(missing)
    assert len(re.findall(r"^\| `ASKD_", README, re.MULTILINE)) == len(settings_table())


def test_the_notices_are_those_there_are() -> None:
    (told,) = re.findall(r"`notices` say why[^:]*:\n(.*)\.\n", README)
    assert told == ", ".join(f"`{code}`" for code in get_args(NoticeCode))


def test_the_problems_table_is_complete_and_right() -> None:
    told = re.findall(r"^\| `/problems/([a-z-]+)` \| (\d+) \|", README, re.MULTILINE)
    assert {(name, int(status)) for name, status in told} == problem_names()
