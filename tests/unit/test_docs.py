"""The pages of docs/ tell the truth: their tables are what the code says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic_core import PydanticUndefined

from app.api.problems import PLAIN, status_of
from app.domain import NoticeCode
from app.errors import AskdError, SetupError, name_of
from app.settings import PREFIX, Settings
from app.settings.groups import GROUPS
from tests.unit.test_layers import every_error

DOCS = Path("docs")
README = Path("README.md")
_FIRST = (
    "## The first day"  # of docs/settings.md: the settings that most people need, which the tables repeat
)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def settings_tables() -> Iterator[str]:
    """The tables of docs/settings.md, as the code has them."""
    for group in GROUPS:
        rows = []
        for name, field in group.model_fields.items():
            default = "" if field.default in (None, "", PydanticUndefined) else f"`{field.default}`"
            rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
        yield "\n".join(
            [f"## {group.__doc__}", "", "| setting | default | meaning |", "|---|---|---|", *rows]
        )


def problem_names() -> set[tuple[str, int]]:
    """Name and status of every problem the service can answer with."""
    leaves = [kind for kind in every_error(AskdError) if not kind.__subclasses__()]
    ours = {(name_of(kind), int(status_of(kind))) for kind in leaves if not issubclass(kind, SetupError)}
    return ours | {(name, status) for status, name in PLAIN.items()}


def test_the_settings_tables_are_those_of_the_code() -> None:
    missing = [table for table in settings_tables() if table not in page("settings.md")]
    assert not missing, "docs/settings.md lacks:\n\n" + "\n\n".join(missing)
    assert {name for group in GROUPS for name in group.model_fields} == set(Settings.model_fields)


def test_the_settings_of_the_first_day_are_a_dozen_of_them() -> None:
    first = page("settings.md").partition(_FIRST)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `ASKD_.*$", first, re.MULTILINE)
    assert len(rows) == 12
    told = "\n".join(settings_tables()).splitlines()
    assert [row for row in rows if row not in told] == []


def test_the_notices_table_is_that_of_the_code() -> None:
    told = re.findall(r"^\| `([a-z_]+)` \|", page("http.md"), re.MULTILINE)
    assert [name for name in told if name in get_args(NoticeCode)] == list(get_args(NoticeCode))


def test_the_problems_table_is_that_of_the_code() -> None:
    told = re.findall(r"^\| `/problems/([a-z-]+)` \| (\d+) \|", page("http.md"), re.MULTILINE)
    assert {(name, int(status)) for name, status in told} == problem_names()


def test_every_setting_that_a_page_names_exists() -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    known |= {
        "ASKD_FAQ",
        "ASKD_REPLICAS",
        "ASKD_DEV_DATA",
        "ASKD_SERVICE_HOST",
    }  # of scripts, and of Kubernetes
    for source in [README, *DOCS.glob("*.md")]:
        if source.name == "upgrading.md":  # which names those of earlier versions, too
            continue
        named = set(re.findall(r"\bASKD_[A-Z_]*[A-Z]\b(?!_)", source.read_text(encoding="utf-8")))
        unknown = {name for name in named - known if not name.startswith("ASKD_TEST_")}
        assert unknown == set(), f"{source} names {unknown}"


def test_every_link_between_pages_leads_somewhere() -> None:
    for source in [README, *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8")):
            assert (source.parent / target).exists(), f"{source} links to {target}, which does not exist"


def test_the_readme_is_short() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 170
    assert max(map(len, lines)) <= 110
