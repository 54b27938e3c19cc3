import math

import pytest

from app.domain import FaqEntry
from app.evaluation.metrics import MEASURES, estimate, measured, quality, worst
from app.evaluation.questions import Catalogue
from app.ranking.confidence import Features
from tests.support.finder import entries, outcome

A, B, C, D, E, F, G = ENTRIES = entries(*"abcdefg")
CATALOGUE = Catalogue(ENTRIES)


def values(wanted: list[FaqEntry], found: list[FaqEntry]) -> dict[str, float]:
    return {name: float(of[0]) for name, of in measured([outcome(wanted, found)]).items()}


def test_the_first_place_is_a_hit_everywhere() -> None:
    assert values([A], [A, B]) == dict.fromkeys(MEASURES, 1.0)


def test_a_lower_place_counts_by_its_rank() -> None:
    assert values([D], [A, B, C, D, E]) == pytest.approx(
        {"hit@1": 0, "hit@3": 0, "hit@5": 1, "hit@10": 1, "mrr@5": 1 / 4, "ndcg@10": 1 / math.log2(5)}
    )


def test_a_reciprocal_rank_below_the_fifth_is_nought() -> None:
    assert values([F], [A, B, C, D, E, F]) == pytest.approx(
        {"hit@1": 0, "hit@3": 0, "hit@5": 0, "hit@10": 1, "mrr@5": 0, "ndcg@10": 1 / math.log2(7)}
    )


def test_of_several_answers_the_first_counts_for_hits_and_all_for_ndcg() -> None:
    found = values([B, C], [A, B, C])
    assert (found["hit@1"], found["hit@3"], found["mrr@5"]) == (0, 1, 0.5)
    ideal = 1 + 1 / math.log2(3)
    assert found["ndcg@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(4)) / ideal)


def test_nothing_found_is_nought() -> None:
    assert values([A], []) == dict.fromkeys(MEASURES, 0.0)


def test_an_entry_with_the_same_question_is_as_good() -> None:
    same = FaqEntry("another id", "course", " A? ", "There.")
    assert values([A], [same])["hit@1"] == 1
    elsewhere = FaqEntry("a", "other", "a", "There.")
    assert values([A], [elsewhere])["hit@1"] == 0


def test_the_interval_holds_the_mean_narrows_with_more_questions_and_repeats() -> None:
    few, many = estimate([0, 1] * 20), estimate([0, 1] * 2_000)
    assert few == estimate([0, 1] * 20)
    assert few.value == many.value == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high
    # of a mean of n coins: 1.96 · 0.5 / √n
    assert few.high - few.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(40), rel=0.15)
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(4_000), rel=0.15)


def test_without_any_spread_the_interval_is_the_mean() -> None:
    assert estimate([1.0, 1.0]) == estimate([1.0] * 7)
    assert estimate([1.0]).low == estimate([1.0]).high == 1.0


def test_every_collection_has_its_own_figures() -> None:
    (other,) = entries("x", collection="other")
    catalogue = Catalogue([*ENTRIES, other])
    found = quality([outcome([A], [A]), outcome([B], [A, B]), outcome([other], [other])], catalogue)
    assert found.questions == 3
    assert found.measures["hit@1"].value == pytest.approx(2 / 3)
    assert (found.collections["course"]["questions"], found.collections["course"]["hit@1"]) == (2, 0.5)
    assert (found.collections["other"]["questions"], found.collections["other"]["hit@1"]) == (1, 1.0)


def test_latency_is_told_by_percentiles() -> None:
    found = quality([outcome([A], [A], ms=float(ms)) for ms in range(101)], CATALOGUE)
    assert found.latency_ms == pytest.approx({"p50": 50, "p90": 90, "p99": 99})


def test_questions_searched_by_words_alone_are_counted() -> None:
    found = quality([outcome([A], [A]), outcome([A], [A], features=Features(0.5, 0.8))], CATALOGUE)
    assert found.without_vector == 1


def test_the_worst_questions_come_with_what_stood_in_their_place() -> None:
    first, second, nowhere = (
        outcome([A], [A], text="first"),
        outcome([B], [A, B], text="second"),
        outcome([C, D], [A, B, E, F], text="nowhere"),
    )
    found = worst([first, second, nowhere], CATALOGUE)
    assert [(miss.question, miss.wanted, miss.rank, miss.instead) for miss in found] == [
        ("nowhere", "c | d", None, ["a", "b", "e"]),
        ("second", "b", 2, ["a", "b"]),
    ]
