import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.reading import Reading
from app.ingest.survey import Survey, survey
from tests.support.large_ingest import peak_of_ingest


def entry(id_: str, collection: str = "c", answer: str = "a") -> FaqEntry:
    return FaqEntry(id_, collection, f"question {id_}", answer)


def write(path: Path, *entries: FaqEntry) -> Path:
    lines = (
        json.dumps({"id": e.id, "collection": e.collection, "question": e.question, "answer": e.answer})
        for e in entries
    )
    path.write_text("\n".join(lines))
    return path


def surveyed(*paths: Path, strict: bool = False, kept: tuple[FaqEntry, ...] = ()) -> Survey:
    return survey(paths, collection=None, strict=strict, kept=kept)


def test_counts_and_hands_out_what_the_files_hold(tmp_path: Path) -> None:
    first = write(tmp_path / "1.jsonl", entry("1"), entry("2", "b"))
    second = write(tmp_path / "2.jsonl", entry("3"))
    found = surveyed(first, second)
    assert (found.read, found.collections, found.warnings) == (3, {"b": 1, "c": 2}, [])
    assert list(found.entries()) == [entry("1"), entry("2", "b"), entry("3")]
    assert list(found.entries()) == list(found.entries())


def test_the_later_record_of_an_id_wins_and_both_places_are_named(tmp_path: Path) -> None:
    first = write(tmp_path / "1.jsonl", entry("1", answer="old"), entry("2"))
    second = write(tmp_path / "2.jsonl", entry("1", "other"), entry("1", answer="new"))
    found = surveyed(first, second)
    assert (found.read, found.collections) == (4, {"c": 2, "other": 1})
    assert list(found.entries()) == [entry("2"), entry("1", "other"), entry("1", answer="new")]
    assert found.warnings == [
        f"id 1 is used twice in collection c: {first}, line 1, and {second}, line 2; the later one is used",
        "1 questions are answered differently in several collections; "
        "a question that names no collection finds all of them",
    ]


def test_strict_refuses_an_id_that_comes_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", entry("1"), entry("1"))
    with pytest.raises(BadFaqFile, match=r"id 1 is used twice in collection c: .* line 1, and .* line 2$"):
        surveyed(path, strict=True)


def test_warnings_of_all_files_are_gathered(tmp_path: Path) -> None:
    path = tmp_path / "faq.json"
    path.write_text('[{"question": "q", "answer": "a", "rank": 1}]')
    found = survey([path, path], collection="c", strict=False)
    assert [report.findings for report in found.files] == [["unknown keys are ignored: 'rank'"]] * 2
    list(found.entries())
    assert [report.findings for report in found.files] == [["unknown keys are ignored: 'rank'"]] * 2
    assert (found.read, found.merged, found.warnings) == (2, 1, [])


def test_a_wrong_record_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    good = write(tmp_path / "1.jsonl", entry("1"))
    bad = write(tmp_path / "2.jsonl", entry("2"), entry("3", answer=""))
    found = surveyed(good, bad)
    assert list(found.entries()) == [entry("1"), entry("2")]
    assert [str(one) for one in found.bad] == [f"{bad}, line 2: answer is missing or empty"]
    assert (found.bad[0].field, found.bad[0].key, found.is_complete) == ("answer", ("c", "3"), False)


def test_strictly_every_wrong_record_is_named_and_nothing_goes_on(tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", *(entry(str(n), answer="" if n in (3, 5) else "a") for n in range(40)))
    with pytest.raises(BadFaqFile, match=r"(?s)2 records are wrong.*line 4: answer.*line 6: answer"):
        surveyed(path, strict=True)
    assert len(list(surveyed(path).entries())) == 38


def test_more_than_a_tenth_of_wrong_records_stops_all(tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", *(entry(str(n), answer="" if n < 2 else "a") for n in range(19)))
    with pytest.raises(BadFaqFile, match=r"2 of 19 records are wrong, which is more than 10%"):
        surveyed(path)
    partly = survey([path], collection=None, strict=False, reading=Reading(allow_partial=True))
    assert (partly.collections, partly.is_complete) == ({"c": 17}, False)
    write(path, *(entry(str(n), answer="" if n < 2 else "a") for n in range(20)))
    assert surveyed(path).collections == {"c": 18}


def test_a_wrong_record_keeps_the_entry_of_its_id_that_is_published(tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", *(entry(str(n), answer="" if n == 3 else "a") for n in range(20)))
    found = surveyed(path)
    assert found.wants_serving
    serving = [entry("3", answer="as before"), entry("99"), entry("4", answer="old")]
    kept = found.keeping(serving)
    assert set(kept.entries()) == {*found.entries(), serving[0]}
    assert (kept.collections, kept.bad[0].kept, kept.digest != found.digest) == ({"c": 20}, True, True)


def test_equal_questions_with_different_answers_are_both_kept_and_named(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    rows = [("open?", "9 to 5", "shop"), ("Open", "8 to 8", "shop"), ("open?", "always", "chat")]
    path.write_text("\n".join(json.dumps({"question": q, "answer": a, "course": c}) for q, a, c in rows))
    found = surveyed(path)
    assert len(list(found.entries())) == 3
    assert found.warnings == [
        f"the same question with different answers, both are published: {path}, line 1, and {path}, line 2",
        "1 questions are answered differently in several collections; "
        "a question that names no collection finds all of them",
    ]


@pytest.mark.parametrize(
    "after",
    [
        [entry("1"), entry("2"), entry("1", answer="changed")],
        [entry("1"), entry("2")],
        [entry("1"), entry("2"), entry("1"), entry("3")],
        [entry("1"), entry("2"), entry("1"), entry("1")],
        [entry("1"), entry("1"), entry("2")],
        [entry("1"), entry("1"), entry("1")],
    ],
    ids=["another answer", "one less", "one more", "one again", "another order", "one lost to another"],
)
def test_files_that_change_between_the_readings_are_refused(tmp_path: Path, after: list[FaqEntry]) -> None:
    path = write(tmp_path / "1.jsonl", entry("1"), entry("2"), entry("1"))
    found = surveyed(path)
    write(path, *after)
    with pytest.raises(BadFaqFile, match="changed while they were read"):
        list(found.entries())


def test_kept_entries_stay_unless_the_files_hold_their_collection(tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", entry("1"))
    found = surveyed(path, kept=(entry("gone"), entry("stays", "kept")))
    assert (found.read, found.collections) == (1, {"c": 1, "kept": 1})
    assert list(found.entries()) == [entry("1"), entry("stays", "kept")]
    both = write(tmp_path / "2.jsonl", entry("stays", "kept"), entry("1"))
    assert found.digest == surveyed(both).digest


def test_progress_adds_up_to_the_records_read(tmp_path: Path) -> None:
    path = write(tmp_path / "1.jsonl", *(entry(str(number)) for number in range(1203)))
    told: list[int] = []
    survey([path], collection=None, strict=False, progress=told.append)
    assert sum(told) == 1203
    assert len(told) > 1


entries = st.builds(
    entry, st.sampled_from("123456"), st.sampled_from(["b", "c"]), st.sampled_from(["a", "other"])
)
by_key = st.lists(entries, min_size=1, unique_by=lambda entry: entry.key)


@given(by_key.flatmap(lambda written: st.tuples(st.just(written), st.permutations(written))))
def test_the_digest_does_not_depend_on_the_order(orders: tuple[list[FaqEntry], list[FaqEntry]]) -> None:
    one, other = orders
    assert digest(one) == digest(other)


@given(by_key, by_key)
def test_the_digest_tells_different_entries_apart(one: list[FaqEntry], other: list[FaqEntry]) -> None:
    assert (digest(one) == digest(other)) == (set(one) == set(other))


def digest(written: list[FaqEntry]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return surveyed(write(Path(folder) / "1.jsonl", *written)).digest


def test_a_large_ingest_never_holds_all_entries(tmp_path: Path) -> None:
    # 64 MiB, and 96 where the entries are held.
    assert peak_of_ingest(tmp_path, entries=10_000, sentences=150) < 80


def test_a_folder_without_records_is_told_although_another_begins_with_its_name(tmp_path: Path) -> None:
    empty, full = tmp_path / "faq", tmp_path / "faq2"
    empty.mkdir()
    full.mkdir()
    write(full / "1.jsonl", entry("1"))
    with pytest.raises(BadFaqFile, match="faq: no records"):
        surveyed(empty, full)
