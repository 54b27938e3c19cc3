"""The readers take time in proportion to what they read, whatever stands in it."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import BadFaqFile
from app.ingest.formats.comments import without_comments
from app.ingest.formats.embedded_html import plain_markdown
from app.ingest.formats.linked_data import without_scripts
from app.ingest.formats.relaxed_json import strict_json
from app.ingest.formats.site_generators import plain_lines
from app.ingest.survey import survey

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


@pytest.mark.parametrize(
    "text",
    [
        "x" + "</b>" * 20_000,
        "</summary>" + "<p> " * 20_000,
        "x " + "\n \n" * 20_000 + " <",
        "x<br>y" + " " * 100_000 + "z",
        "x <a " + "href='x' " * 20_000 + ">y",
        "x <a id=" + " " * 40_000,
        "<b>x" + " x" * 20_000,
    ],
)
def test_html_in_markdown_takes_linear_time(text: str) -> None:
    assert seconds(lambda: plain_markdown(text)) < _SECONDS


def test_breaks_and_links_become_markdown() -> None:
    text = "One  <br> <br/>two, <a class='b' href='https://a.example'>there</a> or <a class='b'>here</a>"
    assert plain_markdown(text) == "One  \n  \ntwo, [there](https://a.example) or <a class='b'>here</a>"


@pytest.mark.parametrize(
    "text",
    [
        "<script type='application/ld+json'>" * 5_000,
        "<script type='application/ld+json'>" * 5_000 + "</script x>",
        "<script ld+json " * 20_000 + "</script>",
        "<script " + "ld+json " * 20_000 + "</script>",
    ],
)
def test_linked_data_takes_linear_time(text: str) -> None:
    assert seconds(lambda: without_scripts(text)) < _SECONDS
    assert without_scripts(text) == (text, [])


@pytest.mark.parametrize(
    "line",
    [
        "{{< details" + " " * 1_500 + "x",
        "::: a" + " " * 1_900 + "x",
        "{% " + "a" * 1_900,
        "{% include " + "a" * 1_900 + " %}",
        "<h2>" + "<" * 1_900 + "</h2>",
        '!!! "' + " " * 1_900,
    ],
)
def test_lines_of_site_generators_take_linear_time(line: str) -> None:
    assert seconds(lambda: plain_lines([line] * 100)) < _SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "a <!-- b\n\n" * 20_000 + "-->",
        "`-->`\n" + "<!-- " * 20_000,
        "<!-- " * 20_000 + "`-->`",
        "<!-- " * 20_000 + "-->",
        "x <!-- " * 20_000 + "\n\n-->",
        "<!--\n# x\n-->\n" * 20_000,
        "{/*" * 20_000 + "\n```\n*/}\n```\n",
        "a\n" + " " * 40_000 + "b <!-- c -->",
    ],
)
def test_comments_take_linear_time(text: str) -> None:
    assert seconds(lambda: without_comments(text)) < _SECONDS


def test_a_line_of_spaces_that_no_entry_has_takes_linear_time(tmp_path: Path) -> None:
    file = tmp_path / "faq.md"
    file.write_text(f"{' ' * 40_000}x\n\n## How do I pay?\n\nBy card.\n\n## Can I return it?\n\nYes.\n")
    assert seconds(lambda: survey([file], collection=None, strict=False)) < _SECONDS


def test_many_headings_without_text_take_linear_time(tmp_path: Path) -> None:
    file = tmp_path / "faq.md"
    file.write_text(
        "## How do I?\n\n" * 6_000 + "## How do I pay?\n\nBy card.\n\n## Can I return it?\n\nYes.\n"
    )

    def read() -> None:
        with suppress(BadFaqFile):
            survey([file], collection=None, strict=False)

    assert seconds(read) < _SECONDS


def test_a_line_of_backticks_in_mdx_takes_linear_time(tmp_path: Path) -> None:
    file = tmp_path / "faq.mdx"
    file.write_text(
        f"# A\n\n<{'`' * 40_000}\n\n## How do I pay?\n\nBy card.\n\n## Can I return it?\n\nYes.\n"
    )

    def read() -> None:
        with suppress(BadFaqFile):
            survey([file], collection=None, strict=False)

    assert seconds(read) < _SECONDS
