"""Comments in Markdown take nothing with them that is a part of the text."""

from pathlib import Path

import pytest

from app.ingest.formats.comments import without_comments
from app.ingest.survey import survey


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("One <!-- two --> three", "One  three"),
        ("One <!-- two\nthree --> four", "One \n four"),
        ("<!--\n\none\n\n-->\ntwo", "\n\n\n\n\ntwo"),
        ("- <!-- one\n\n  -->two", "- \n\ntwo"),
        ("1. {/* one\n\n*/}two", "1. \n\ntwo"),
        ("`<!--` one\n-->", "`<!--` one\n-->"),
        ("One <!-- two\n\nthree -->", "One <!-- two\n\nthree -->"),
        ("# One <!-- two\nthree -->", "# One <!-- two\nthree -->"),
        ("# One {/* #one */}", "# One {/* #one */}"),
        ("<!-- one", "<!-- one"),
    ],
)
def test_a_comment_goes_and_the_text_around_it_stays(text: str, kept: str) -> None:
    assert without_comments(text) == (kept, "")


def test_the_begin_of_a_comment_in_a_text_swallows_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("## What about <!-- in text?\nText one.\n## Another one?\nText --> two.\n")
    found = survey([path], collection=None, strict=False)
    assert [entry.question for entry in found.entries()] == ["What about <!-- in text?", "Another one?"]


def test_headings_in_comments_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    hidden = "<!--\n## And now?\nNo.\n-->\n"
    path.write_text(f"---\nlang: en\n---\n## Why?\nSo.\n{hidden}## How?\nThus.\n{hidden}")
    found = survey([path], collection=None, strict=False)
    assert [entry.question for entry in found.entries()] == ["Why?", "How?"]
    (told,) = [one for one in found.files[0].notes.warnings if "comment" in one]
    assert "line 7: 'And now?', and those of 1 more comments" in told
