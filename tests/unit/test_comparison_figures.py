import math

import pytest

from app.domain import Origin, Status
from app.evaluation.comparison.figures import differences, figures, on_the_front, share, times
from app.evaluation.comparison.records import Record
from app.evaluation.comparison.timed import Generation
from tests.support.comparison import record, row


def test_an_interval_of_a_share_is_wilsons() -> None:
    some = share(8, 10)  # by the textbook
    assert (some.value, round(some.low, 4), round(some.high, 4)) == (0.8, 0.4902, 0.9433)
    none, all_ = share(0, 10), share(10, 10)
    assert (none.low, round(none.high, 4)) == (0.0, 0.2775)
    assert (round(all_.low, 4), round(all_.high, 4)) == (0.7225, 1.0)
    nothing = share(0, 0)
    assert (nothing.low, nothing.high) == (0, 1)


def test_an_interval_covers_what_it_should_about_as_often_as_it_says() -> None:
    truth, questions = 0.9, 60
    chances = [math.comb(questions, k) * truth**k * (1 - truth) ** (questions - k) for k in range(61)]
    covered = sum(chances[k] for k in range(61) if share(k, 60).low <= truth <= share(k, 60).high)
    assert 0.93 < covered < 0.98


def test_percentiles_of_times_have_intervals() -> None:
    found = times([float(ms) for ms in range(1, 102)])
    assert (found.p50.value, found.p95.value) == (51, 96)
    assert 35 < found.p50.low < 51 < found.p50.high < 67
    assert 85 < found.p95.low < 96 < found.p95.high <= 101


def test_shares_are_of_all_questions() -> None:
    there = [
        record(right=True, passed=True, origin=Origin.QUOTED, asked_model=True),
        record(right=True, passed=True, origin=Origin.GENERATED, asked_model=True),
        record(right=True, passed=False, origin=Origin.EXTRACTED, asked_model=True),  # taken back
        record(status=Status.NO_ANSWER, asked_model=True),  # the model said that it does not know
        record(status=Status.SUGGESTED),
        record(status=None, asked_model=True),  # the model failed
    ]
    removed = [record(status=Status.ANSWERED), record(status=Status.NO_ANSWER)]
    found = figures(there, removed)
    counts = {
        name: (getattr(found, name).count, getattr(found, name).of)
        for name in (
            "right",
            "passed",
            "verbatim",
            "unknown",
            "taken_back",
            "answered_removed",
            "asked_model",
        )
    }
    assert counts == {
        "right": (3, 6),
        "passed": (2, 6),
        "verbatim": (1, 2),
        "unknown": (2, 6),
        "taken_back": (2, 6),
        "answered_removed": (1, 2),
        "asked_model": (5, 6),
    }


def test_means_are_those_of_the_questions_that_tell_them() -> None:
    slow = Generation(prompt_tokens=400, completion_tokens=21, first_text=3.0, rest=2.0, cached_tokens=100)
    cached = Generation(prompt_tokens=200, completion_tokens=1, first_text=0.01, rest=0.0, cached_tokens=199)
    short = Generation(prompt_tokens=200, completion_tokens=1, first_text=1.0, rest=0.0)
    there = [
        record(generations=[slow], memory=500, joules=7200.0),
        record(generations=[short, cached], memory=700, joules=None),
    ]
    found = figures(there, [record(memory=None)])
    assert (found.prefill, found.decode) == (150, 10)  # one token tells nothing of the speed of writing
    assert (found.memory, found.watt_hours) == (700, 2.0)
    bare = figures([record()], [record()])
    assert (bare.prefill, bare.decode, bare.memory, bare.watt_hours) == (None, None, None, None)


def pairs(*passed: bool) -> list[tuple[Record, Record]]:
    return [(record(passed=each, whole=100.0 + each), record()) for each in passed]


def test_differences_are_taken_question_by_question() -> None:
    found = differences({"one": pairs(*[True] * 20, *[False] * 20), "other": pairs(*[True] * 40)})
    by_measure = {each.measure: each for each in found}
    passed = by_measure["passed the checks"]
    assert (passed.row, passed.other, passed.difference.value) == ("other", "one", 0.5)
    assert passed.shown
    assert 0.3 < passed.difference.low < 0.5 < passed.difference.high < 0.7
    assert not by_measure["right entry cited"].shown


def test_a_few_questions_more_are_no_difference_that_is_shown() -> None:
    rows = {"one": pairs(*[True] * 38, False, True), "other": pairs(*[True] * 38, True, False)}
    assert not any(each.shown for each in differences(rows) if each.measure == "passed the checks")


def test_only_models_that_none_beats_are_on_the_front_and_with_enough_questions_alone() -> None:
    def of(passed: int, whole: float, questions: int) -> list[Record]:
        return [record(passed=at < passed, whole=whole) for at in range(questions)]

    def front(questions: int) -> set[str]:
        rows = {
            row("extract", model=False): figures(of(questions, 1.0, questions), []),
            row("quick"): figures(of(questions - 10, 10.0, questions), []),
            row("good"): figures(of(questions, 50.0, questions), []),
            row("beaten"): figures(of(questions - 10, 60.0, questions), []),
        }
        return {each.name for each in on_the_front(rows)}

    assert front(50) == {"quick", "good"}
    assert front(49) == set()


@pytest.mark.parametrize("questions", [1, 50])
def test_a_single_question_has_figures_too(questions: int) -> None:
    assert figures([record()] * questions, [record()] * questions).questions == questions
