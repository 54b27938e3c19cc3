"""Records and rows of a comparison."""

from dataclasses import replace
from typing import Any

from app.domain import Mode, Status
from app.evaluation.comparison.records import Record
from app.evaluation.comparison.rows import Facts, Row
from app.settings import Settings

_RECORD = Record(
    "row",
    "case",
    removed=False,
    status=Status.ANSWERED,
    text="Yes.",
    origin=None,
    right=False,
    passed=False,
    asked_model=False,
    first_text=10.0,
    whole=20.0,
    generations=[],
    load_average=1.0,
    memory=None,
    joules=None,
)


def record(**changed: Any) -> Record:
    return replace(_RECORD, **changed)


def row(name: str, *, model: bool = True) -> Row:
    facts = Facts(name, "sha256:0123456789abcdef", 135_000_000, "Apache-2.0", 98_000_000, False, True)
    mode = Mode.AUTO if model else Mode.EXTRACT
    return Row(name, name, mode, "free: its own words", facts if model else None, Settings())
