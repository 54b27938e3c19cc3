from pathlib import Path

import pytest

from app.domain import Origin, Status
from app.errors import BadSettings
from app.evaluation.comparison.records import case_digest, open_records
from app.evaluation.comparison.timed import Generation
from app.evaluation.questions import Case
from tests.support.comparison import record


def kept(path: Path, *, afresh: bool = False) -> int:
    with open_records(path, afresh=afresh) as records:
        return sum(("row", f"case {at}", False) in records for at in range(10))


def add(path: Path, *numbers: int) -> None:
    with open_records(path, afresh=False) as records:
        for at in numbers:
            records.add(record(case=f"case {at}"))


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    whole = record(
        status=Status.ANSWERED,
        text="“Ja”,\n\x85 said\u2028he.",
        origin=Origin.GENERATED,
        generations=[Generation(300, 20, 1.5, 2.5)],
        memory=1 << 40,
        joules=0.1,
    )
    for each in (whole, record(case="failed", status=None, first_text=None)):
        with open_records(tmp_path / "made" / "results.jsonl", afresh=False) as records:
            records.add(each)
        with open_records(tmp_path / "made" / "results.jsonl", afresh=False) as records:
            assert records.of(each.row, each.case, removed=False) == each
            assert records.of(each.row, each.case, removed=True) is None


def test_half_a_line_is_dropped_and_spoils_none_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    add(path, 0, 1, 2)
    whole = path.read_bytes()
    for end in range(len(whole) - 2, len(whole) - 200, -17):  # as kill -9 may leave it
        path.write_bytes(whole[:end])
        add(path, 3)
        assert kept(path) == 3
        with open_records(path, afresh=False) as records:
            assert ("row", "case 2", False) not in records


def test_what_another_version_wrote_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"row": "row", "case": "case 1"}\nnothing\n\n[]\n', "utf-8")
    add(path, 2)
    assert kept(path) == 1


def test_afresh_asks_again_and_keeps_what_other_rows_have(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    add(path, 0, 1)
    assert kept(path, afresh=True) == 0
    with open_records(path, afresh=True) as records:
        records.add(record(case="case 1", text="New."))
        assert ("row", "case 0", False) not in records
    with open_records(path, afresh=False) as records:
        assert ("row", "case 0", False) in records
        again = records.of("row", "case 1", removed=False)
    assert again is not None
    assert again.text == "New."


@pytest.mark.parametrize("afresh", [False, True])
@pytest.mark.parametrize("content", [b"question,answer\n", b'{"question": "Where?"}\n', b"a"])
def test_a_file_that_holds_something_else_stays(content: bytes, afresh: bool, tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_bytes(content)
    with (
        pytest.raises(BadSettings, match=r"notes\.csv holds no answers of a comparison"),
        open_records(path, afresh=afresh),
    ):
        pass
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(BadSettings, match=r"cannot write .*results\.jsonl"),
        open_records(tmp_path / "file" / "results.jsonl", afresh=False),
    ):
        pass


def test_a_question_is_known_by_its_text_its_collection_and_its_entries() -> None:
    gold = frozenset({("a", "one"), ("a", "two")})
    same = Case("What?", "a", frozenset({("a", "two"), ("a", "one")}))
    assert case_digest(Case("What?", "a", gold)) == case_digest(same)
    others = [Case("Who?", "a", gold), Case("What?", None, gold), Case("What?", "a")]
    assert len({case_digest(case) for case in [same, *others]}) == 4
