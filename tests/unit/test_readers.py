import csv
import io
import json
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest import reading as how
from app.ingest.records import Bad
from app.ingest.report import Notes
from app.ingest.sources import sources_of
from app.ingest.survey import survey

JOIN = FaqEntry("join", "course", "Can I still join?", "Yes.", "General", "https://faq.example/join")
FIELDS = {"id": "a", "collection": "c", "question": "q", "answer": "a"}
BOM = "\ufeff"


class Reading:
    """Reads one file of the given content, and keeps what there was to say of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = Notes()

    @property
    def warnings(self) -> list[str]:
        return self.notes.findings("")

    def found(self, name: str, content: object, collection: str | None = None) -> list[how.Record | Bad]:
        path = self.folder / name
        path.write_bytes(as_bytes(content))
        (source,) = sources_of([path], None, pytest.fail)
        self.notes = Notes()
        return list(how.read_records(source, how.Reading(collection), self.notes))

    def records(self, name: str, content: object, collection: str | None = None) -> list[how.Record]:
        found = self.found(name, content, collection)
        assert not [one for one in found if isinstance(one, Bad)]
        return [one for one in found if isinstance(one, how.Record)]

    def entries(self, name: str, content: object, collection: str | None = None) -> list[FaqEntry]:
        return [record.entry for record in self.records(name, content, collection)]

    def bad(self, name: str, content: object) -> list[str]:
        return [f"{b.place}: {b.reason}" for b in self.found(name, content) if isinstance(b, Bad)]

    def refusal(self, name: str, content: object) -> str:
        """The message, without the folder, which every message begins with."""
        with pytest.raises(BadFaqFile) as caught:
            self.found(name, content)
        message = str(caught.value)
        assert message.startswith(str(self.folder / name))
        return message.removeprefix(f"{self.folder}/")


def as_bytes(content: object) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def as_csv(rows: Sequence[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path)


# --- what is accepted --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("faq.json", [asdict(JOIN)]),
        ("faq.jsonl", asdict(JOIN)),
        ("FAQ.NDJSON", asdict(JOIN)),
        ("faq.csv", as_csv([asdict(JOIN)])),
    ],
)
def test_every_format_gives_the_same_entry(reading: Reading, name: str, content: object) -> None:
    assert reading.entries(name, content) == [JOIN]
    assert reading.entries(name, BOM.encode() + as_bytes(content)) == [JOIN]
    assert reading.warnings == []


def test_the_courses_nested_form_stands_beside_flat_records(reading: Reading) -> None:
    group = {"course": "ml", "documents": [{"section": "s", "question": "q", "text": "t", "id": "1"}]}
    records = reading.records("faq.json", [asdict(JOIN), group])
    assert [record.entry for record in records] == [JOIN, FaqEntry("1", "ml", "q", "t", "s")]
    assert [record.place for record in records] == ["record 1", "group 2, document 1"]


def test_a_json_line_may_hold_a_group(reading: Reading) -> None:
    group = {"course": "ml", "documents": [{**FIELDS, "collection": None}] * 2}
    records = reading.records("faq.jsonl", f"\n{json.dumps(group)}\n")
    assert [record.entry.collection for record in records] == ["ml", "ml"]
    assert records[1].place == "line 2, document 2"


def test_a_group_may_name_its_collection_after_its_documents(reading: Reading) -> None:
    documents = [{"id": number, "question": "q", "text": "t"} for number in range(3)]
    entries = reading.entries("faq.json", [{"documents": documents, "course": "late"}])
    assert [(entry.id, entry.collection) for entry in entries] == [
        ("0", "late"),
        ("1", "late"),
        ("2", "late"),
    ]


def test_a_documents_own_collection_wins_over_its_groups(reading: Reading) -> None:
    content = [{"course": "group", "documents": [FIELDS | {"collection": "own"}]}]
    assert reading.entries("faq.json", content, "default")[0].collection == "own"


def test_a_default_collection_labels_only_what_has_none(reading: Reading) -> None:
    bare = {"question": "q", "answer": "a"}
    entries = reading.entries(
        "faq.json", [bare, bare | {"course": "own"}, bare | {"collection": " "}], "mine"
    )
    assert [entry.collection for entry in entries] == ["mine", "own", "mine"]


def test_a_numeric_id_becomes_text(reading: Reading) -> None:
    assert reading.entries("faq.json", [FIELDS | {"id": 7}])[0].id == "7"


def test_null_and_empty_optional_fields_are_absent(reading: Reading) -> None:
    (entry,) = reading.entries("faq.json", [{**FIELDS, "section": None, "url": "", "id": None}])
    assert (entry.section, entry.url, len(entry.id)) == ("", None, 12)


def test_text_is_trimmed_and_composed_and_keeps_its_line_breaks(reading: Reading) -> None:
    (entry,) = reading.entries("faq.json", [FIELDS | {"answer": " cafe\u0301\r\n\n\tsecond\rthird\n "}])
    assert entry.answer == "caf\u00e9\n\n\tsecond\nthird"


def test_both_names_of_a_field_may_agree(reading: Reading) -> None:
    assert reading.entries("faq.json", [FIELDS | {"text": "a ", "course": "c"}])[0].answer == "a"


def test_unknown_keys_are_named_once_a_file(reading: Reading) -> None:
    more = {"tags": ["x", {"deep": [1]}], "rank": 1.5}
    assert len(reading.entries("faq.json", [FIELDS | more, FIELDS | {"tags": None}])) == 2
    assert reading.warnings == ["unknown keys are ignored: 'rank', 'tags'"]


def test_only_the_first_unknown_keys_are_listed(reading: Reading) -> None:
    reading.entries("faq.json", [FIELDS | {f"key{number:02}": "" for number in range(50)}])
    assert reading.warnings[0].endswith("'key09', …")


def test_csv_rows_may_span_lines_and_blank_rows_are_skipped(reading: Reading) -> None:
    content = 'course, question ,answer\r\n\r\nc,q1,"two\nlines"\r\n,,\r\nc,q2,a\r\n'
    first, second = reading.records("faq.csv", content)
    assert first.entry.answer == "two\nlines"
    assert (first.place, second.place) == ("line 3", "line 6")


# --- ids ---------------------------------------------------------------------------------------


def test_an_id_is_derived_from_the_content_alone(reading: Reading) -> None:
    bare = {"collection": "c", "section": "s", "question": "q", "answer": "a"}
    (entry,) = reading.entries("faq.json", [bare])
    assert entry.id == "d7c7d34dbf4c"  # pinned: answers and links refer to ids
    assert reading.entries("faq.csv", as_csv([bare]))[0].id == entry.id
    changed = [bare | {name: "x"} for name in bare]
    assert len({entry.id, *(entry.id for entry in reading.entries("faq.json", changed))}) == 5


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"question": None}, "question is missing or empty"),
        ({"question": " \n"}, "question is missing or empty"),
        ({"answer": ""}, "answer is missing or empty"),
        ({"question": 3}, "question must be text, not a number"),
        ({"answer": ["a"]}, "answer must be text, not a list"),
        ({"section": True}, "section must be text, not true or false"),
        ({"id": True}, "id must be text, not true or false"),
        ({"id": 1.5}, "id must be text, not a number"),
        ({"text": "other"}, "answer and text are the same field, but differ"),
        ({"course": "other"}, "collection and course are the same field, but differ"),
        ({"question": "q" * 2_001}, "question has 2,001 characters; the most is 2,000"),
        ({"answer": "a" * 64_001}, "answer has 64,001 characters; the most is 64,000"),
        ({"section": "s" * 513}, "section has 513 characters; the most is 512"),
    ],
)
def test_a_wrong_field_is_named_with_its_record(
    reading: Reading, change: dict[str, object], reason: str
) -> None:
    wrong = FIELDS | change
    assert reading.bad("faq.json", [FIELDS, wrong]) == [f"record 2: {reason}"]
    nested = [FIELDS, {"documents": [FIELDS, wrong]}]
    assert reading.bad("faq.json", nested) == [f"group 2, document 2: {reason}"]
    lines = f"{json.dumps(FIELDS)}\n\n{json.dumps(wrong)}\n"
    assert reading.bad("faq.jsonl", lines) == [f"line 3: {reason}"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('"two\nlines",', "answer is missing or empty"),
        ("q,a,more", "3 columns where the header has 2; text that holds the delimiter needs quotes"),
        ("q", "answer is missing or empty"),
        ('"q"x,a', "malformed CSV: ',' expected after '\"'"),
        ('"q,a', "malformed CSV: a quotation mark is opened here and never closed"),
    ],
)
def test_a_wrong_csv_row_is_named_with_the_line_it_starts_on(reading: Reading, row: str, reason: str) -> None:
    content = f'question,answer\n"ok\nok",fine\n{row}\n'
    assert reading.bad("faq.csv", content) == [f"line 4: {reason}"]


def test_an_open_quotation_mark_counts_every_line_it_swallows(reading: Reading) -> None:
    content = 'question,answer\nq,a\n"open,a\n' + "q,a\n" * 30
    (bad,) = [one for one in reading.found("faq.csv", content) if isinstance(one, Bad)]
    assert bad.records == 31


def test_a_header_that_names_no_question_is_told_with_the_columns_there_are(reading: Reading) -> None:
    assert reading.refusal("faq.csv", "Thema;Inhalt\nWo?;Hier.\n") == (
        "faq.csv, no column for question; the columns are 'Thema', 'Inhalt'. Name them question, answer, "
        "collection, section, url, id, or say which they are: --map question=NAME --map answer=NAME"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            '[\nRECORD,\n{"question" "q"}]',
            "line 3: malformed JSON: object key and value must be separated by a",
        ),
        ("[1]", "record 1: must be an object, not a number"),
        ('[\n["q"]]', "record 1: must be an object, not a list"),
        ('["q"]', "record 1: must be an object, not text"),
        ("[null]", "record 1: must be an object, not null"),
        ('[{"documents": {}}]', "no record with a question and an answer; the keys are 'documents'"),
        ('[{"documents": ["q"]}]', "no record with a question and an answer; the keys are 'documents'"),
        ('{"question": "q"}', "no record with a question and an answer; the keys are 'question'"),
        ("", "line 1: malformed JSON: premature EOF"),
        ("\n[\n", "line 2: malformed JSON: premature EOF"),
        ("[]\n[]", "line 2: malformed JSON: trailing garbage near '[]'"),
    ],
)
def test_malformed_json_is_named_with_its_place(reading: Reading, content: str, reason: str) -> None:
    content = content.replace("RECORD", json.dumps(FIELDS))
    assert reading.refusal("faq.json", content).startswith(f"faq.json, {reason}")


def test_malformed_json_lines_are_named_with_their_line(reading: Reading) -> None:
    content = f'{json.dumps(FIELDS)}\n{{"question": "q"\n{json.dumps(FIELDS)}\n'
    (bad,) = reading.bad("faq.jsonl", content)
    assert bad.startswith("line 2: malformed JSON")


def test_a_code_page_is_found_out_and_named(reading: Reading) -> None:
    content = "question;answer\nWo bin ich?;In Zürich, „gleich“ hier.\n".encode("cp1252")
    assert reading.entries("faq.csv", content)[0].answer == "In Zürich, „gleich“ hier."
    assert reading.warnings == ["not UTF-8: read as windows-1252; if that is wrong, give --encoding NAME"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("faq.json", "[]"),
        ("faq.json", '[{"course": "c", "documents": []}]'),
        ("faq.jsonl", ""),
        ("faq.jsonl", "\n \n"),
        ("faq.csv", ""),
        ("faq.csv", "question,answer\n"),
        ("faq.md", "# Only a title\n\nand words\n"),
    ],
)
def test_a_file_without_records_is_refused(reading: Reading, name: str, content: str) -> None:
    path = reading.folder / name
    path.write_bytes(as_bytes(content))
    with pytest.raises(BadFaqFile, match="no record"):
        survey([path], collection=None, strict=False)


@pytest.mark.parametrize("name", ["faq.json", "faq.jsonl", "faq.csv"])
def test_a_field_of_a_megabyte_is_named(reading: Reading, name: str) -> None:
    huge = FIELDS | {"answer": "x" * 1_000_000}
    content = {"faq.json": [huge], "faq.jsonl": huge, "faq.csv": as_csv([huge])}[name]
    (bad,) = reading.bad(name, content)
    assert bad.endswith("answer has 1,000,000 characters; the most is 64,000")


def test_a_line_without_an_end_is_refused(reading: Reading) -> None:
    assert (
        reading.refusal("faq.jsonl", b"x" * (16 * 2**20 + 1))
        == "faq.jsonl, line 1: longer than 16,777,216 characters"
    )


def test_other_files_are_refused_with_what_is_accepted(reading: Reading) -> None:
    path = reading.folder / "faq.pdf"
    path.touch()
    with pytest.raises(BadFaqFile) as caught:
        sources_of([path], None, pytest.fail)
    message = str(caught.value)
    for accepted in (
        ".json",
        ".jsonl",
        ".ndjson",
        ".csv",
        ".xlsx",
        ".yaml",
        ".md",
        ".html",
        ".docx",
        "folders",
    ):
        assert accepted in message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(BadFaqFile, match=r"none\.json: No such file"):
        sources_of([path], None, pytest.fail)


# --- any content -------------------------------------------------------------------------------


def texts(most: int) -> st.SearchStrategy[str]:
    """Text as it comes out of a reader: trimmed, composed, no control characters."""
    characters = st.characters(
        codec="utf-8",
        exclude_categories=["Cc", "Cs"],
        # no text; and markup, which the cleaning rewrites
        exclude_characters=[*map(chr, range(0xFDD0, 0xFDF0)), "\ufeff", "\ufffe", "\uffff", *"*_<>&[]`"],
    )
    characters |= st.sampled_from("\n\t,;\"'#")
    return st.text(characters, min_size=1, max_size=most).map(_settled).filter(bool)


def _settled(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


entries = st.builds(
    FaqEntry,
    id=texts(20),
    collection=texts(20),
    question=texts(60),
    answer=texts(200),
    section=texts(20) | st.just(""),
    url=st.none() | st.just("https://faq.example/1"),
)


@given(st.lists(entries, min_size=1, max_size=5), st.booleans())
def test_entries_come_back_as_they_were_written(written: list[FaqEntry], ascii_only: bool) -> None:
    records = [asdict(entry) for entry in written]
    files = {
        "faq.json": json.dumps(records, ensure_ascii=ascii_only),
        "faq.jsonl": "\n".join(json.dumps(record, ensure_ascii=ascii_only) for record in records),
        "faq.csv": as_csv(records),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            assert Reading(Path(folder)).entries(name, content) == written


PIECES = [
    b"\xef\xbb\xbf",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b",",
    b":",
    b"\n",
    b"\r",
    b"\0",
    b"\\ud800",
    b"1e999",
]
PIECES += [b"question", b"answer", b'"documents":', b"## ", b"### q", b"---", b"```", b"\xff", b"9" * 5000]


@given(
    st.sampled_from(["faq.json", "faq.jsonl", "faq.csv", "faq.md"]),
    st.binary(max_size=50) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
)
def test_any_bytes_are_read_or_refused_as_a_bad_file(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            Reading(Path(folder)).found(name, content)
        except BadFaqFile:
            return


def test_yaml_merge_keys_are_written_out(reading: Reading) -> None:
    content = """
base: &base {collection: shop, section: Billing, answer: By card.}
faqs:
  - <<: *base
    question: How do I pay?
  - question: And abroad?
    answer: By bank.
    <<: [{section: Abroad}, *base]
"""
    paid, abroad = reading.entries("faq.yaml", content)
    assert (paid.collection, paid.section, paid.answer) == ("shop", "Billing", "By card.")
    assert (abroad.collection, abroad.section, abroad.answer) == ("shop", "Abroad", "By bank.")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("faq.json", [["How?", "So."], ["Why?", "Because."]]),
        ("faq.json", {"values": [["Question", "Answer"], ["How?", "So."], ["Why?", "Because."]]}),
        ("faq.yaml", "- [How?, So.]\n- [Why?, Because.]\n"),
        ("faq.yaml", "- How?: So.\n- Why?: Because.\n"),
    ],
)
def test_pairs_are_questions_and_answers(reading: Reading, name: str, content: object) -> None:
    found = [(entry.question, entry.answer) for entry in reading.entries(name, content)]
    assert found == [("How?", "So."), ("Why?", "Because.")]


@pytest.mark.parametrize(
    "answer", [{"id": "64f1c0ffee"}, {"to": "/help"}, {"zz": "x"}, {"de": 7}, {"to-XY-Z": "x"}]
)
def test_a_lone_key_is_a_language_only_where_it_is_one(reading: Reading, answer: object) -> None:
    (bad,) = reading.bad("faq.json", [{"question": "How?", "answer": answer}])
    assert bad == "record 1: answer must be text, not an object"


@pytest.mark.parametrize("language", ["de", "en-US", "id-ID", "pt_BR"])
def test_a_text_may_stand_below_its_language(reading: Reading, language: str) -> None:
    for answer in ({language: "So."}, {language: {"text": "So."}}):
        (entry,) = reading.entries("faq.json", [{"question": {language: "How?"}, "answer": answer}])
        assert (entry.question, entry.answer) == ("How?", "So.")


def test_an_inch_mark_is_no_rest_of_a_malformed_row(reading: Reading) -> None:
    rows = ["question,answer", 'How?,"So" bad" x', 'How wide?,So 5"', 'How tall?,So is 6" tall', "Why?,Thus."]
    found = reading.found("faq.csv", "\n".join(rows))
    assert [one.place for one in found if isinstance(one, Bad)] == ["line 2", "line 3"]
    assert [one.entry.question for one in found if isinstance(one, how.Record)] == ["How tall?", "Why?"]


def test_rows_of_json_lines_may_hold_an_inch_mark_below_a_malformed_one(reading: Reading) -> None:
    rows = ['["question", "answer"]', '["broken', json.dumps(["How wide?", 'So 5"']), '["Why?", "Thus."]']
    found = reading.found("faq.jsonl", "\n".join(rows))
    assert [one.place for one in found if isinstance(one, Bad)] == ["line 2"]
    assert [one.entry.question for one in found if isinstance(one, how.Record)] == ["How wide?", "Why?"]


@pytest.mark.parametrize("title", ["Questions, Answers", "Question | Answer", "FAQ; questions; answers"])
def test_a_text_that_begins_like_a_header_is_a_document(reading: Reading, title: str) -> None:
    text = f"{title}\n\nHow do I pay?\nBy card, or cash.\n\nHow do I cancel?\nWrite to us.\n"
    entries = [(entry.question, entry.answer) for entry in reading.entries("faq.txt", text)]
    assert entries == [("How do I pay?", "By card, or cash."), ("How do I cancel?", "Write to us.")]


def test_a_text_of_columns_is_a_table(reading: Reading) -> None:
    (entry,) = reading.entries("faq.txt", "Question | Answer\n\nHow do I pay? | By card.\n")
    assert (entry.question, entry.answer) == ("How do I pay?", "By card.")


@pytest.mark.parametrize("value", [[3, 7], [{"id": 3}], {"id": 3}])
def test_a_category_without_a_name_is_told(reading: Reading, value: object) -> None:
    (entry,) = reading.entries("faq.json", [{"question": "How?", "answer": "So.", "categories": value}])
    assert entry.collection == "faq"
    assert "unknown keys are ignored: 'categories'" in "\n".join(reading.warnings)


@pytest.mark.parametrize("value", [None, "", [], ["Billing", "Account"]])
def test_of_several_categories_the_first_counts(reading: Reading, value: object) -> None:
    (entry,) = reading.entries("faq.json", [{"question": "How?", "answer": "So.", "categories": value}])
    assert entry.collection == ("Billing" if value else "faq")
    assert "unknown" not in "\n".join(reading.warnings)
