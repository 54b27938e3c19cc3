"""Dialects of Markdown: what MDX, callouts and wikis write around the questions."""

import time
from pathlib import Path

import pytest

from app.ingest.formats.dialects import closed_code, plain_markdown, without_jsx
from app.ingest.survey import survey


def read(folder: Path, name: str, text: str) -> list[tuple[str, str]]:
    path = folder / name
    path.write_text(text)
    found = survey([path], collection=None, strict=False)
    assert not found.bad
    return [(entry.question, entry.answer) for entry in found.entries()]


@pytest.mark.parametrize(
    "code",
    [
        'export const smile = ":(";',
        "export const bracket = /[(]/;",
        "export const open = `(`;",
        "import bills from the mail (see",
        "export default {\n  a: [",
    ],
)
def test_brackets_that_are_never_closed_hide_no_entry(tmp_path: Path, code: str) -> None:
    text = f"## How do I pay?\n\nBy card.\n\n{code}\n\n## Why?\n\nThus.\n\n## Who?\n\nWe.\n"
    entries = read(tmp_path, "a.mdx", text)
    assert [question for question, _ in entries] == ["How do I pay?", "Why?", "Who?"]
    assert [answer for _, answer in entries[1:]] == ["Thus.", "We."]


def test_code_over_several_lines_is_left_out_of_mdx() -> None:
    code = ["import {", "  A,", "", '} from "x";', "export const a = {", '  b: ")",', "", "  c: [1],", "};"]
    assert without_jsx([*code, "Text."]) == [*[""] * len(code), "Text."]


def test_prose_that_begins_with_import_stays() -> None:
    assert without_jsx(["import your bill from the mail"]) == ["import your bill from the mail"]


def test_a_longer_fence_holds_a_shorter_one(tmp_path: Path) -> None:
    code = "````\n```\nimport a from 'b'\n```\n````"
    text = f"## How?\n\n{code}\n\nSo.\n\n## Why?\n\nThus.\n"
    assert read(tmp_path, "a.mdx", text) == [("How?", f"{code}\n\nSo."), ("Why?", "Thus.")]


@pytest.mark.parametrize(
    ("opening", "question"),
    [
        ('<Accordion title="How do I pay?">', "How do I pay?"),
        ("<Accordion title='How do I \"pay\"?'>", 'How do I "pay"?'),
        ('<Accordion icon={<Box />} title={"How do I pay?"} open>', "How do I pay?"),
        ("<FaqItem question={'Is a > b?'}>", "Is a > b?"),
    ],
)
@pytest.mark.parametrize("answer", ["By card.", "\nBy card.\n", "\n  By card."])
def test_accordions_are_read_however_they_are_written(
    tmp_path: Path, opening: str, question: str, answer: str
) -> None:
    close = f"</{opening[1:].split()[0]}>"
    text = f'# FAQ\n\n{opening}{answer}{close}\n<Accordion title="Why?">Thus.</Accordion>\n'
    assert read(tmp_path, "a.mdx", text) == [(question, "By card."), ("Why?", "Thus.")]


def test_a_tag_that_closes_itself_opens_no_accordion(tmp_path: Path) -> None:
    accordions = (
        '<Accordion title="Why?">\nThus.\n</Accordion>\n\n<Accordion title="Who?">\nWe.\n</Accordion>\n'
    )
    text = f'<Question label="x" />\n\n{accordions}'
    assert read(tmp_path, "a.mdx", text) == [("Why?", "Thus."), ("Who?", "We.")]


def test_a_tag_may_hold_question_and_answer(tmp_path: Path) -> None:
    text = """<FaqItem question="How?" answer="So." />\n<FaqItem question='Why?' answer={"Thus."}/>\n"""
    assert read(tmp_path, "a.mdx", text) == [("How?", "So."), ("Why?", "Thus.")]


def test_a_computed_title_is_no_question() -> None:
    assert without_jsx(['<Accordion title={"a" + "b"}>', "x"]) == ["", "x"]


def test_callouts_in_code_stay(tmp_path: Path) -> None:
    code = "```\n> [!question] How?\n> So.\n```"
    text = f"## How do I write a callout?\n\n{code}\n\n## Why?\n\nThus.\n\n> [!tip] Yes\n"
    assert read(tmp_path, "a.md", text)[0] == ("How do I write a callout?", code)


def test_callouts_may_stand_at_once_below_each_other(tmp_path: Path) -> None:
    text = "> [!question] How?\n> So.\n> [!question] Why?\n> Thus.\n## Who?\n\nWe.\n"
    assert read(tmp_path, "a.md", text) == [("How?", "So."), ("Why?", "Thus."), ("Who?", "We.")]


@pytest.mark.parametrize(
    "line", ["= a" + " =" * 50_000 + "x", "<A " + 'title="x" ' * 10_000, "<A" + " a" * 50_000 + "<"]
)
def test_long_lines_take_no_long_time(line: str) -> None:
    start = time.process_time()
    plain_markdown(without_jsx([line, "= a", "= b"]))
    assert time.process_time() - start < 0.5


TORN = ["# FAQ", "## How do I see it?", "```console", "$ show", "Rome ```", "## Who made it?", "We did."]


def test_a_fence_at_the_end_of_a_line_ends_code_that_nothing_else_ends() -> None:
    lines, told = closed_code(TORN, offset=3)
    assert lines == [*TORN[:4], "Rome", "```", *TORN[5:]]
    assert told == "line 8: a fence at the end of a line was taken for the end of the code"
    assert closed_code(lines, offset=3) == (lines, None)


def test_code_that_never_ends_is_told() -> None:
    lines, told = closed_code([*TORN[:4], "Rome", *TORN[5:]], offset=0)
    assert len(lines) == len(TORN)
    assert told == "line 3: this block of code is never closed; all that follows is part of it"


def test_a_fence_in_the_text_of_a_line_is_left_where_all_code_ends() -> None:
    fine = ["```", "echo", "```", "Fences are written ```", "~~~~", "a ~~~", "~~~~"]
    assert closed_code(fine, offset=0) == (fine, None)
