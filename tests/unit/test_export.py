"""What is published goes out and comes back the same."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.export import WRITERS, write
from app.ingest.survey import survey

SUFFIXES = {"jsonl": "jsonl", "csv": "csv", "yaml": "yaml", "markdown": "md", "jsonld": "jsonld"}
PIECES = [
    "## ",
    "\n",
    "\n\n",
    "---",
    "```",
    "**",
    "Q: ",
    "A: ",
    "?",
    "<b>",
    "</b>",
    "<p>x</p>",
    "&nbsp;",
    "&lt;",
    "| a | b |",
]
PIECES += [
    "[x](https://a.example/b)",
    "[x](y)",
    "<!-- entry {} -->",
    "\\",
    '"',
    "'",
    ";",
    ",",
    "\t",
    "- ",
    ": ",
    "#",
    "1. ",
    "*",
]
texts = st.lists(
    st.sampled_from(PIECES) | st.text("aé漢𝔘 .", min_size=1, max_size=8), min_size=1, max_size=8
).map("".join)
entries = st.builds(
    FaqEntry,
    id=st.text("abc1", min_size=1, max_size=6),
    collection=st.sampled_from(["c", "d e", "ü"]),
    question=texts,
    answer=texts,
    section=st.sampled_from(["", "s", "S: t"]),
    url=st.none() | st.just("https://faq.example/1"),
)


def through(kind: str, written: Sequence[FaqEntry]) -> list[FaqEntry]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"faq.{SUFFIXES[kind]}")
        path.write_text("".join(write(kind, written)), "utf-8", newline="")
        return list(survey([path], collection=None, strict=False).entries())


@pytest.mark.parametrize("kind", WRITERS)
@given(written=st.lists(entries, min_size=1, max_size=4, unique_by=lambda entry: entry.key))
def test_what_is_published_comes_back_the_same(kind: str, written: list[FaqEntry]) -> None:
    try:
        published = through("jsonl", written)
    except BadFaqFile:  # nothing but markup: nothing was published
        return
    assert through(kind, published) == published
