from pathlib import Path

import pytest

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.evaluation.questions import Case, Catalogue, read_cases

CATALOGUE = Catalogue(
    [
        FaqEntry("1", "course", "Can I join?", "Yes."),
        FaqEntry("2", "course", "can I JOIN", "Yes!"),
        FaqEntry("3", "course", "Is there a refund?", "Yes."),
        FaqEntry("1", "tools", "How do I install Docker?", "With apt."),
    ]
)
JOIN = ("course", "can i join")
REFUND = ("course", "is there a refund")
DOCKER = ("tools", "how do i install docker")


def cases(path: Path, text: str, name: str = "queries.csv") -> list[Case]:
    file = path / name
    file.write_text(text, encoding="utf-8")
    return list(read_cases(file, CATALOGUE))


def test_a_row_names_the_question_the_entry_and_the_collection(tmp_path: Path) -> None:
    assert cases(tmp_path, "question,collection,id\nMay I join?,course,1\n") == [
        Case("May I join?", "course", frozenset({JOIN}))
    ]


def test_course_and_document_are_read_as_collection_and_id(tmp_path: Path) -> None:
    text = "question,course,document,kind\nMay I join?,course,2,paraphrase\n"
    assert cases(tmp_path, text) == [Case("May I join?", "course", frozenset({JOIN}))]


def test_several_entries_may_answer(tmp_path: Path) -> None:
    text = "question,collection,id\nMoney?,course,3 | 2\n"
    assert cases(tmp_path, text)[0].gold == {REFUND, JOIN}


def test_without_a_collection_the_id_alone_names_the_entry(tmp_path: Path) -> None:
    (case,) = cases(tmp_path, "question,id\nMoney back?,3\n")
    assert (case.collection, case.home) == (None, "course")
    assert case.gold == {REFUND}


def test_a_row_without_an_entry_is_a_question_the_faq_does_not_answer(tmp_path: Path) -> None:
    assert cases(tmp_path, "question\nWho won the cup?\n") == [Case("Who won the cup?")]


def test_json_lines_are_read_alike(tmp_path: Path) -> None:
    text = '{"question": " Docker? ", "id": 1, "collection": "tools"}\n\n{"question": "Why?", "id": null}\n'
    assert cases(tmp_path, text, "queries.jsonl") == [
        Case("Docker?", "tools", frozenset({DOCKER})),
        Case("Why?"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("question,id\nWhy?,3\nWhy?,4\n", "line 3: id 4 is not in the FAQ"),
        ("question,document\nWhy?,4\n", "line 2: document 4 is not in the FAQ"),
        ("question,collection,id\nWhy?,tools,3\n", "line 2: id 3 is not in collection tools"),
        ("question,id\nWhy?,1\n", r"line 2: id 1 is in several collections \(course, tools\); name"),
        (
            "question,course\nWhy?,nowhere\n",
            "line 2: collection nowhere is not in the FAQ; there are: course",
        ),
        ("question,id\n ,3\n", "line 2: question is missing or empty"),
        (f"question\n{'x' * 8001}\n", "line 2: question has more than 8,000 characters"),
        ("question,id,document\nWhy?,3,2\n", "line 2: document and id are the same field, but differ"),
        ("id\n3\n", "line 1: the header names no column question"),
        ("question,id\nWhy?\n", "line 2: 1 columns where the header has 2"),
        ("question\n", "no questions"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFaqFile, match=rf"queries\.csv[,:] {said}"):
        cases(tmp_path, text)


def test_a_value_that_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFaqFile, match=r"q\.jsonl, line 1: id must be text, not a list"):
        cases(tmp_path, '{"question": "Why?", "id": ["3"]}\n', "q.jsonl")


def test_a_file_of_another_kind_or_none_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFaqFile, match=r"q\.txt: not a file of questions; askd reads \.csv"):
        cases(tmp_path, "question\n", "q.txt")
    with pytest.raises(BadFaqFile, match=r"none\.csv: No such file"):
        read_cases(tmp_path / "none.csv", CATALOGUE)
