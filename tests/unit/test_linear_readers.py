"""The readers take time in proportion to what they read, whatever stands in it."""

import time
from collections.abc import Callable

import pytest

from app.ingest.formats.relaxed_json import strict_json

_SECONDS = 1.0  # each of these took more than three with a pattern that backtracks


def seconds(read: Callable[[], object]) -> float:
    started = time.process_time()
    read()
    return time.process_time() - started


@pytest.mark.parametrize(
    "text",
    [
        "[1," + "/**/" * 40_000 + " 2]",
        '["' + '\\"' * 40_000,
        '["' + '\\"' * 40_000 + "\\",
        "[1" + ",/*" * 40_000,
        "[1" + ", " * 40_000,
        "[1" + ",//\n" * 40_000,
        '"' * 80_001,
    ],
)
def test_relaxed_json_takes_linear_time(text: str) -> None:
    assert seconds(lambda: strict_json(text)) < _SECONDS


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ("[1, 2]", None),
        ("[1, /* two, */ // and\n ]", "[1  \n ]"),
        ('{"a": "b,]", "c": [NaN, -Infinity, True,],}', '{"a": "b,]", "c": [null, null, true]}'),
        ('["/* no, comment */",]', '["/* no, comment */"]'),
        ('["a\nb"]', '["a\\u000ab"]'),
        ("[1] /* not closed", None),
    ],
)
def test_relaxed_json_becomes_strict(text: str, strict: str | None) -> None:
    assert strict_json(text) == strict
