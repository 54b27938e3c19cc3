import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Candidate, FaqEntry, WordStatistics
from app.retrieval import coverage, rank, repeated

JOIN = FaqEntry("join", "course", "Can I still join the course?", "Yes, you can join at any time.")
REFUND = FaqEntry("refund", "course", "Can I get a refund?", "Yes, within thirty days of paying.")
STATISTICS = WordStatistics(entries=100, frequencies={"course": 60, "yes": 50})


def test_orders_by_score_and_scales_the_best_to_one() -> None:
    hits = rank("join?", [Candidate(REFUND, 2.0), Candidate(JOIN, 8.0)], STATISTICS, 5).hits

    assert [(hit.entry, hit.score) for hit in hits] == [(JOIN, 1.0), (REFUND, 0.25)]


def test_the_same_question_in_one_collection_takes_one_place() -> None:
    again = FaqEntry("again", "course", "can i still join, the COURSE", "Sure.")
    elsewhere = FaqEntry("join", "other", JOIN.question, "No.")
    found = [Candidate(JOIN, 3.0), Candidate(again, 2.0), Candidate(elsewhere, 1.0)]

    assert [hit.entry for hit in rank("join course", found, STATISTICS, 5).hits] == [JOIN, elsewhere]


def test_an_entry_that_asks_the_very_question_comes_first_and_is_exact() -> None:
    ranking = rank("can i get a REFUND", [Candidate(JOIN, 9.0), Candidate(REFUND, 1.0)], STATISTICS, 1)

    assert ranking.exact
    assert ranking.hits[0].entry == REFUND


def test_nothing_found_is_not_answerable() -> None:
    assert not rank("anything", [], STATISTICS, 5).answerable


@pytest.mark.parametrize(
    ("question", "answerable"),
    [
        ("Is it possible to join the course later?", True),
        ("What about a refnud?", True),
        ("How do I bake sourdough bread for the course?", False),
        ("What is the capital of France?", False),
    ],
)
def test_a_question_whose_rare_words_are_missing_is_not_answerable(question: str, answerable: bool) -> None:
    best = REFUND if "ref" in question else JOIN
    assert rank(question, [Candidate(best, 1.0)], STATISTICS, 5).answerable is answerable


def test_coverage_weighs_rare_words_more() -> None:
    common, rare = coverage("course zebra", JOIN, STATISTICS), coverage("course join zebra", JOIN, STATISTICS)
    assert 0 < common < rare < 1


@given(st.text(max_size=200))
def test_coverage_is_a_share(text: str) -> None:
    assert 0 <= coverage(text, JOIN, STATISTICS) <= 1


def test_an_answer_without_marks_rests_on_the_entry_it_repeats() -> None:
    entries = {1: REFUND, 2: JOIN}
    assert repeated("You can join at any time.", entries, STATISTICS) == {2}
    assert repeated("Bananas grow on large plants.", entries, STATISTICS) == set()
