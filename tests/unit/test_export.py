"""What is published goes out and comes back the same."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import FaqEntry
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
WORD = re.compile(r"[^\W_]+")
# With a word before and after the markup, so that something is left to publish.
texts = st.lists(st.sampled_from(PIECES) | st.text("aé漢𝔘 .", min_size=1, max_size=8), max_size=8).map(
    lambda pieces: f"begin {''.join(pieces)} end"
)
plain_texts = st.lists(
    st.text("aé漢𝔘\"',;:#|-", min_size=1, max_size=8)
    | st.sampled_from(["\n", "\n\n", "How?", "12.5 %", "x=y"]),
    min_size=1,
    max_size=12,
).map(lambda pieces: f"Say {' '.join(pieces)} so.")
optional = {
    "id": st.text("abc1", min_size=1, max_size=6),
    "collection": st.sampled_from(["c", "d e", "ü"]),
    "section": st.sampled_from(["", "s", "S: t"]),
    "url": st.none() | st.just("https://faq.example/1"),
}
plain_entries = st.builds(FaqEntry, question=plain_texts, answer=plain_texts, **optional)
entries = st.builds(FaqEntry, question=texts, answer=texts, **optional)


def through(kind: str, written: Sequence[FaqEntry]) -> list[FaqEntry]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"faq.{SUFFIXES[kind]}")
        path.write_text("".join(write(kind, written)), "utf-8", newline="")
        return list(survey([path], collection=None, strict=False).entries())


@pytest.mark.parametrize("kind", WRITERS)
@given(written=st.lists(entries, min_size=1, max_size=4, unique_by=lambda entry: entry.key))
def test_what_is_published_comes_back_the_same(kind: str, written: list[FaqEntry]) -> None:
    published = through("jsonl", written)
    assert [(entry.key, entry.section, entry.url) for entry in published] == [
        (entry.key, entry.section, entry.url) for entry in written
    ]
    for before, after in zip(written, published, strict=True):
        assert set(WORD.findall(after.answer)) <= set(WORD.findall(before.answer))
        assert "begin" in after.question
        assert "end" in after.answer
    assert through(kind, published) == published


@pytest.mark.parametrize("kind", WRITERS)
@given(written=st.lists(plain_entries, min_size=1, max_size=4, unique_by=lambda entry: entry.key))
def test_text_without_markup_is_published_as_it_is(kind: str, written: list[FaqEntry]) -> None:
    assert through(kind, written) == written
