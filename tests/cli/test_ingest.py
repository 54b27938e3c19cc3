import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from app.domain import FaqEntry
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


def test_json_says_what_was_done(askd: Shell, faq_file: Path) -> None:
    said = askd("ingest", faq_file, "--json").json
    assert said.pop("seconds") > 0
    assert said == {
        "read": 4,
        "entries": 4,
        "collections": {"course": 3, "tools": 1},
        "warnings": [],
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
def test_a_wrong_record_is_named_and_the_old_index_keeps_serving(
    as_json: bool, filled: Shell, tmp_path: Path
) -> None:
    before = version_in(filled)
    write(tmp_path / "bad.json", asdict(JOIN), {**asdict(DOCKER), "answer": 5})

    ended = filled("ingest", "bad.json", *(["--json"] if as_json else []), status=1)

    wrong = "bad.json, record 2: answer must be text, not a number"
    if as_json:
        assert ended.problem == {"type": "/problems/bad-faq-file", "detail": wrong}
    else:
        assert ended.err == f"askd: {wrong}\n"
    assert (ended.out, version_in(filled)) == ("", before)
