from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.reading import Reading, Record, read_records
from app.ingest.records import Bad
from app.ingest.report import Notes
from app.ingest.sources import sources_of
from app.ingest.survey import survey

Read = Callable[..., list[Record]]


@pytest.fixture
def read_text(tmp_path: Path) -> Read:
    def read_it(text: str, collection: str | None = None) -> list[Record]:
        path = tmp_path / "guide.md"
        path.write_bytes(text.encode())
        (source,) = sources_of([path], None, pytest.fail)
        found = list(read_records(source, Reading(collection), Notes()))
        assert not [one for one in found if isinstance(one, Bad)]
        return [one for one in found if isinstance(one, Record)]

    return read_it


def brief(records: list[Record]) -> list[tuple[str, str, str, str]]:
    return [(r.entry.collection, r.entry.section, r.entry.question, r.entry.answer) for r in records]


def test_headings_name_collection_section_and_question(read_text: Read) -> None:
    text = "# Course\n\n## General\n\n### Can I join?\n\nYes.\n\n## Exam\n### When?\nIn May.\n"
    assert brief(read_text(text)) == [
        ("Course", "General", "Can I join?", "Yes."),
        ("Course", "Exam", "When?", "In May."),
    ]


def test_a_second_level_heading_with_text_is_a_question(read_text: Read) -> None:
    text = "# Course\n## Can I join?\nYes.\n## When?\nIn May.\n### Which day?\nThe first.\n"
    assert brief(read_text(text)) == [
        ("Course", "", "Can I join?", "Yes."),
        ("Course", "", "When?", "In May."),
        ("Course", "When?", "Which day?", "The first."),
    ]


def test_a_new_title_begins_a_new_collection_without_a_section(read_text: Read) -> None:
    text = "# A\n## S\n### q1\na1\n# B\n### q2\na2\n"
    assert brief(read_text(text)) == [("A", "S", "q1", "a1"), ("B", "", "q2", "a2")]


def test_without_a_title_the_collection_is_the_default_or_the_files_name(read_text: Read) -> None:
    assert read_text("## q\na\n")[0].entry.collection == "guide"
    assert read_text("## q\na\n", "default")[0].entry.collection == "default"
    assert read_text("# own\n## q\na\n", "default")[0].entry.collection == "own"


def test_the_answer_is_kept_as_it_is_written(read_text: Read) -> None:
    answer = (
        "Do *this*:\n\n1. one\n   - nested\n2. two\n\n```sh\n# no heading\n## none either\nrun  it\n```\n\n"
        "> ## a quoted heading\n\n#### Deeper\n\n[a link](https://faq.example)"
    )
    text = f"## q\n\n{answer}\n<!-- ### no, and nobody\nsees this -->\n\n## next\nb\n"
    assert brief(read_text(text))[0][3] == answer


def test_underlined_headings_count_too(read_text: Read) -> None:
    assert brief(read_text("Course\n===\n\nCan I join?\n---\n\nYes.\n")) == [
        ("Course", "", "Can I join?", "Yes.")
    ]


def test_a_question_may_end_in_its_id(read_text: Read) -> None:
    (record,) = read_text("# c\n## Can I `join`? {#join-late}\nYes.\n")
    assert record.entry == FaqEntry("join-late", "c", "Can I `join`?", "Yes.")


def test_introductions_and_front_matter_are_left_out(read_text: Read) -> None:
    records = read_text("---\ntitle: no question\n---\nHello.\n# c\nWelcome.\n## q\na\n\n---\n\nmore\n")
    assert brief(records) == [("c", "", "q", "a\n\n---\n\nmore")]
    assert records[0].place == "line 7"


def test_line_ends_make_no_difference(read_text: Read) -> None:
    text = "\ufeff# c\n## s\n### q\n\na\n- b\n"
    assert read_text(text.replace("\n", "\r\n")) == read_text(text)


def test_a_question_without_an_answer_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("## Why?\na\n## How?\n\n## When?\nb\n")
    found = survey([path], collection=None, strict=False)
    assert [str(one) for one in found.bad] == [f"{path}, line 3: answer is missing or empty"]
    assert found.collections == {"guide": 2}


def test_a_title_without_a_text_is_told_as_unused(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("# Why?\na\n# How?\nb\n# Troubleshooting\n")
    found = survey([path], collection=None, strict=False)
    assert (found.collections, found.bad) == ({"guide": 2}, [])
    assert found.files[0].notes.first_unused == ["line 5: 'Troubleshooting (a heading without a text)'"]


def test_a_long_file_is_read_in_pieces_without_a_seam(read_text: Read) -> None:
    code = "```\n" + "# no heading\n" * 1500 + "```"
    answers = [f"answer {number}\n\n{code if number % 100 == 50 else '- item'}" for number in range(600)]
    text = "# c\n" + "".join(f"## q{number}\n{answer}\n" for number, answer in enumerate(answers))
    records = read_text(text)
    assert [(r.entry.question, r.entry.answer) for r in records] == [
        (f"q{number}", answer) for number, answer in enumerate(answers)
    ]
    lines = text.splitlines()
    for record in records:
        heading = lines[int(record.place.rpartition(" ")[2]) - 1]
        assert heading == f"## {record.entry.question}"


def test_a_folder_is_read_in_the_order_of_its_files_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/z.md", "c.markdown", "a.MD", "ignored.rst"):
        (tmp_path / name).write_text("## q\na\n")
    (tmp_path / "index.md").write_text("# Welcome\n\nSee the others.\n")
    found = survey([tmp_path], collection=None, strict=False)
    assert [entry.collection for entry in found.entries()] == ["a", "z", "c"]
    passed = [report.file for report in found.files if report.passed_over]
    assert passed == [f"{tmp_path}/index.md"]
    assert found.warnings == [f"{tmp_path}: 1 files of other formats are skipped (.rst 1)"]


def test_a_folder_without_questions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "faq.json").write_text("[]")
    with pytest.raises(BadFaqFile, match="no records"):
        survey([tmp_path], collection=None, strict=False)


def test_a_bold_question_may_span_lines(read_text: Read) -> None:
    text = "**Is it\nreally free?**\n\nYes.\n\n**And open?** Also.\n"
    assert brief(read_text(text)) == [
        ("guide", "", "Is it really free?", "Yes."),
        ("guide", "", "And open?", "Also."),
    ]


def test_a_heading_that_only_says_question_is_part_of_the_answer(read_text: Read) -> None:
    text = "## 1. Reversal\n### Question:\nReverse it.\n## 2. Sum\n### Question:\nAdd it.\n"
    assert [question for _, _, question, _ in brief(read_text(text))] == ["Reversal", "Sum"]
