import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from app.domain import FaqEntry
from app.errors import IndexMissing
from app.indexes.embedded.index import EmbeddedIndex
from tests.cli.shell import Shell
from tests.support.faq import DOCKER, FAQ, JOIN

TEA = FaqEntry("tea", "kitchen", "Where is the tea?", "In the tin.")


def index_of(askd: Shell) -> EmbeddedIndex:
    return EmbeddedIndex(askd.data / "index", "askd")


def entries_in(askd: Shell) -> set[FaqEntry]:
    async def read() -> set[FaqEntry]:
        return {entry async for entry in index_of(askd).records()}

    return asyncio.run(read())


def version_in(askd: Shell) -> str:
    return asyncio.run(index_of(askd).manifest()).version


def write(path: Path, *records: object) -> Path:
    path.write_text(json.dumps(records), "utf-8")
    return path


def test_every_kind_of_file_is_read(askd: Shell, tmp_path: Path) -> None:
    write(
        tmp_path / "nested.json",
        {"course": "a", "documents": [{"section": "s", "question": "Q1?", "text": "A1."}]},
    )
    (tmp_path / "lines.jsonl").write_text('{"collection": "b", "question": "Q2?", "answer": "A2."}\n')
    (tmp_path / "table.csv").write_text("collection,question,answer\nc,Q3?,A3.\n")
    (tmp_path / "page.md").write_text("## Q4?\n\nA4.\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "part.md").write_text("## Q5?\n\nA5.\n")

    ended = askd("ingest", "nested.json", "lines.jsonl", "table.csv", "page.md", "folder")

    assert {(entry.collection, entry.question, entry.answer) for entry in entries_in(askd)} == {
        ("a", "Q1?", "A1."),
        ("b", "Q2?", "A2."),
        ("c", "Q3?", "A3."),
        ("page", "Q4?", "A4."),
        ("part", "Q5?", "A5."),
    }
    assert f"5 records read, 5 entries published as version {version_in(askd)}" in ended.out
    assert "entries a second" in ended.out
    assert ended.err == ""  # no progress bar where nobody sees it
    assert "folder/part.md: 1 entries, headings h2" in ended.out


def test_json_says_what_was_done(askd: Shell, faq_file: Path) -> None:
    said = askd("ingest", faq_file, "--json").json
    assert said.pop("seconds") > 0
    (file,) = said.pop("files")
    assert (file["shape"], file["read"], file["passed_over"]) == ("records", 4, None)
    assert said == {
        "read": 4,
        "entries": 4,
        "merged": 0,
        "skipped": 0,
        "collections": {"course": 3, "tools": 1},
        "warnings": [],
        "bad": [],
        "failed": [],
        "version": version_in(askd),
    }


def test_the_same_files_again_give_the_same_version(filled: Shell, faq_file: Path) -> None:
    before = version_in(filled)
    assert filled("ingest", faq_file, "--json").json["version"] == before == version_in(filled)


def test_a_dry_run_changes_nothing(filled: Shell, tmp_path: Path) -> None:
    def all_files() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in filled.data.rglob("*")}

    before = all_files()
    ended = filled("ingest", write(tmp_path / "tea.json", asdict(TEA)), "--dry-run")
    assert "1 records read, 1 entries checked, nothing published" in ended.out
    assert all_files() == before


def test_the_files_are_the_whole_index_unless_others_are_kept(filled: Shell, tmp_path: Path) -> None:
    tea = write(tmp_path / "tea.json", asdict(TEA))
    filled("ingest", tea, "--keep")
    assert entries_in(filled) == {TEA, *FAQ}
    filled("ingest", tea)
    assert entries_in(filled) == {TEA}


def test_a_collection_labels_the_records_that_name_none(askd: Shell, tmp_path: Path) -> None:
    unnamed = {"question": "Who?", "answer": "I."}
    askd("ingest", write(tmp_path / "faq.json", unnamed, asdict(TEA)), "--collection", "mine")
    assert {entry.collection for entry in entries_in(askd)} == {"mine", "kitchen"}


def test_of_an_id_that_comes_twice_the_later_record_wins_with_a_warning(askd: Shell, tmp_path: Path) -> None:
    later = {**asdict(TEA), "answer": "In the pot."}
    ended = askd("ingest", write(tmp_path / "faq.json", asdict(TEA), later))
    assert [entry.answer for entry in entries_in(askd)] == ["In the pot."]
    told = " ".join(ended.err.split())
    assert told.startswith("warning: id tea is used twice in collection kitchen")
    assert "record 1" in told
    assert "record 2" in told


def test_strictly_it_is_an_error_and_the_old_index_keeps_serving(filled: Shell, tmp_path: Path) -> None:
    before = version_in(filled)
    twice = write(tmp_path / "faq.json", asdict(TEA), asdict(TEA))
    ended = filled("ingest", twice, "--strict", status=1)
    assert "id tea is used twice" in ended.err
    assert version_in(filled) == before


@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_record_is_named_and_the_others_are_published(
    as_json: bool, filled: Shell, tmp_path: Path
) -> None:
    write(tmp_path / "bad.json", asdict(TEA), {**asdict(DOCKER), "answer": 5})

    ended = filled("ingest", "bad.json", *(["--json"] if as_json else []), status=3)

    assert entries_in(filled) == {TEA, DOCKER}  # what is published of it goes on
    reason = "answer must be text, not a number"
    if as_json:
        assert ended.json["bad"] == [
            {"file": "bad.json", "place": "record 2", "field": "answer", "reason": reason, "kept": True}
        ]
    else:
        assert f"wrong: bad.json, record 2: {reason}; the entry that is published now stays\n" in ended.err


@pytest.mark.parametrize("as_json", [False, True])
def test_strictly_a_wrong_record_stops_all(as_json: bool, filled: Shell, tmp_path: Path) -> None:
    before = version_in(filled)
    write(tmp_path / "bad.json", asdict(JOIN), {**asdict(DOCKER), "answer": 5})
    ended = filled("ingest", "bad.json", "--strict", *(["--json"] if as_json else []), status=1)
    wrong = "bad.json, record 2: answer must be text, not a number"
    if as_json:
        assert ended.problem == {"type": "/problems/bad-faq-file", "detail": wrong}
    else:
        assert ended.err == f"askd: {wrong}\n"
    assert (ended.out, version_in(filled)) == ("", before)


def test_more_than_a_tenth_of_wrong_records_publishes_nothing(filled: Shell, tmp_path: Path) -> None:
    before = version_in(filled)
    bad = {"question": "Q?", "answer": None}
    ended = filled("ingest", write(tmp_path / "bad.json", asdict(TEA), bad, bad), status=1)
    assert "2 of 3 records are wrong" in ended.err
    assert "record 2: answer is missing" in ended.err
    assert version_in(filled) == before


def test_a_dry_run_shows_the_entries_of_each_file(askd: Shell, tmp_path: Path) -> None:
    write(tmp_path / "tea.json", asdict(TEA))
    shown = askd("ingest", "tea.json", "--dry-run").out
    assert "[kitchen] Where is the tea?\n    In the tin." in shown
    (file,) = askd("ingest", "tea.json", "--dry-run", "--json").json["files"]
    assert file["entries"] == [asdict(TEA)]


def test_standard_input_needs_a_format(askd: Shell) -> None:
    assert "give --format" in askd("ingest", "-", status=1).err


def test_fields_are_mapped_and_wrong_flags_are_told(askd: Shell, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("Thema,Hilfe,Reiter\nWo?,Hier.,Ort\n")
    askd("ingest", "odd.csv", "--map", "question=Thema,answer=Hilfe", "--map", "collection=Reiter")
    assert [(e.question, e.answer, e.collection) for e in entries_in(askd)] == [("Wo?", "Hier.", "Ort")]
    assert "write FIELD=NAME" in askd("ingest", "odd.csv", "--map", "thema", status=2).err
    assert "none of auto" in askd("ingest", "odd.csv", "--shape", "round", status=2).err


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "yaml", "md", "jsonld"])
def test_what_is_exported_comes_back_the_same(filled: Shell, tmp_path: Path, suffix: str) -> None:
    before = entries_in(filled)
    filled("export", f"out.{suffix}")
    filled("ingest", f"out.{suffix}")
    assert entries_in(filled) == before


def test_watching_publishes_what_changes_and_outlives_a_broken_file(askd: Shell, tmp_path: Path) -> None:
    faq = write(tmp_path / "faq.json", asdict(TEA))
    with askd.killed("ingest", "faq.json", "--watch") as process:
        until(lambda: entries_in_or_none(askd) == {TEA})
        faq.write_text("[")
        time.sleep(1)
        later = {**asdict(TEA), "answer": "In the pot."}
        write(faq, later)
        until(lambda: {entry.answer for entry in entries_in_or_none(askd)} == {"In the pot."})
        assert process.poll() is None


def entries_in_or_none(askd: Shell) -> set[FaqEntry]:
    try:
        return entries_in(askd)
    except IndexMissing:
        return set()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
