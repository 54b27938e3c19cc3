from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import FaqEntry
from app.ranking.candidates import Candidate, Candidates, WordStatistics
from app.ranking.coverage import coverage
from app.ranking.fusion import Fusion, Ranking, rank
from app.ranking.text import word_statistics

JOIN = FaqEntry("join", "course", "Can I still join the course?", "Yes, you can join at any time.")
REFUND = FaqEntry("refund", "course", "Can I get a refund?", "Yes, within thirty days of paying.")
STATISTICS = WordStatistics(entries=100, frequencies={"course": 60, "yes": 50})
WEIGHT = 0.5
COVERAGE = 1.2  # the weight of all scores together: 1 and .2 of coverage


def ranked(
    question: str,
    found: Sequence[Candidate],
    *,
    floor: float | None = None,
    limit: int = 5,
    fusion: Fusion = Fusion.HYBRID,
) -> Ranking:
    return rank([question], Candidates(found, floor), STATISTICS, WEIGHT, limit, fusion)


def test_by_words_alone_the_best_scores_one_and_the_others_their_share() -> None:
    hits = ranked("zebra?", [Candidate(REFUND, 2.0), Candidate(JOIN, 8.0)]).hits
    assert [(hit.entry, hit.score * COVERAGE) for hit in hits] == [(JOIN, 1.0), (REFUND, 0.25)]


def test_an_entry_that_holds_all_words_passes_one_that_repeats_a_single_word() -> None:
    found = [Candidate(REFUND, 8.0, semantic=0.5), Candidate(JOIN, 7.9, semantic=0.5)]
    assert ranked("course", found, floor=0.1).hits[0].entry == JOIN
    other = [Candidate(REFUND, 8.0, semantic=0.9), Candidate(JOIN, 7.9, semantic=0.5)]
    assert ranked("course", other, floor=0.1).hits[0].entry == REFUND


def test_where_words_are_joined_coverage_moves_no_place() -> None:
    found = Candidates([Candidate(REFUND, 8.0, semantic=0.5), Candidate(JOIN, 7.9, semantic=0.5)], 0.1)
    assert rank(["course"], found, STATISTICS, WEIGHT, 5, language="german").hits[0].entry == REFUND


def test_both_signals_are_added_by_their_weights() -> None:
    found = [Candidate(REFUND, 8.0, semantic=0.4), Candidate(JOIN, 6.0, semantic=0.9)]

    hits = ranked("enrol late", found, floor=0.1).hits

    assert [hit.entry for hit in hits] == [JOIN, REFUND]
    assert [hit.score * COVERAGE for hit in hits] == pytest.approx([0.5 * 0.75 + 0.5 * 0.9, 0.5 + 0.5 * 0.4])


def test_a_candidate_the_semantic_list_lacks_counts_as_its_last() -> None:
    hits = ranked("x", [Candidate(JOIN, 4.0), Candidate(REFUND, semantic=0.8)], floor=0.3).hits

    scores = {hit.entry.id: hit.score * COVERAGE for hit in hits}
    assert scores == pytest.approx({"join": 0.65, "refund": 0.4})
    assert {hit.entry.id: hit.semantic for hit in hits} == {"join": None, "refund": 0.8}


def test_each_list_can_order_alone() -> None:
    found = [Candidate(JOIN, 4.0, semantic=0.3), Candidate(REFUND, 8.0, semantic=0.2)]

    by_meaning, by_words = (
        ranked("x", found, floor=0.2, fusion=fusion) for fusion in (Fusion.SEMANTIC, Fusion.LEXICAL)
    )

    assert by_meaning.hits[0].entry == JOIN
    assert by_words.hits[0].entry == REFUND


def test_an_entry_that_says_the_same_takes_no_place_of_its_own_and_one_that_differs_does() -> None:
    again = FaqEntry("again", "course", "can i still join, the COURSE", f" {JOIN.answer.upper()}")
    differs = FaqEntry("differs", "course", JOIN.question, "Sure.")
    elsewhere = FaqEntry("join", "other", JOIN.question, "No.")
    found = [Candidate(JOIN, 4.0), Candidate(again, 3.0), Candidate(differs, 2.0), Candidate(elsewhere, 1.0)]

    assert [hit.entry for hit in ranked("join course", found).hits] == [JOIN, differs, elsewhere]


def test_an_entry_that_asks_the_very_question_comes_first() -> None:
    ranking = ranked("can i get a REFUND", [Candidate(JOIN, 9.0), Candidate(REFUND, 1.0)], limit=1)

    assert ranking.exact
    assert ranking.hits[0].entry == REFUND


def test_the_margin_is_to_the_second_place_whatever_the_limit() -> None:
    found = [Candidate(JOIN, 8.0), Candidate(REFUND, 2.0)]
    assert ranked("zebra?", found, limit=1).features.margin * COVERAGE == 0.75
    assert ranked("join?", found[:1]).features.margin == 1.0


def test_nothing_found_is_nothing() -> None:
    assert not ranked("anything", []).hits


def test_a_synonym_counts_as_the_word_it_stands_for() -> None:
    found = Candidates([Candidate(REFUND, 1.0)])

    alone = rank(["Where is the reimbursement policy?"], found, STATISTICS, WEIGHT, 5)
    wordings = ["Where is the reimbursement policy?", "where is the refund policy"]
    both = rank(wordings, found, STATISTICS, WEIGHT, 5)

    assert alone.features.coverage < both.features.coverage


def test_coverage_weighs_rare_words_more() -> None:
    common, rare = coverage("course zebra", JOIN, STATISTICS), coverage("course join zebra", JOIN, STATISTICS)
    assert 0 < common < rare < 1


@pytest.mark.parametrize("question", ["怎么退款", "我想退款，怎么办？", "退款怎么"])
def test_pairs_of_characters_across_a_stop_word_are_no_content(question: str) -> None:
    entry = FaqEntry(id="zh", collection="shop", question="如何申请退款？", answer="十四天内。")
    assert coverage(question, entry, word_statistics([entry]), "chinese") == 1


@pytest.mark.parametrize("typo", ["refnud", "refunds", "reefund", "rfund", "refumd"])
def test_a_word_that_is_nearly_the_same_covers(typo: str) -> None:
    assert coverage(typo, REFUND, STATISTICS) == 1


@pytest.mark.parametrize("ending", ["refunding", "refunded", "refundable"])
def test_a_word_with_another_ending_covers(ending: str) -> None:
    assert coverage(ending, REFUND, STATISTICS) == 1


@pytest.mark.parametrize(
    ("asked", "held"),
    [("refund", "refused"), ("equations", "questions"), ("border", "order"), ("unlock", "lock")],
)
def test_another_word_with_like_letters_does_not_cover(asked: str, held: str) -> None:
    entry = FaqEntry("x", "c", f"What about {held}?", f"It {held}.")
    assert coverage(asked, entry, STATISTICS) == 0


@given(st.text(max_size=200))
def test_coverage_is_a_share(text: str) -> None:
    assert 0 <= coverage(text, JOIN, STATISTICS) <= 1


@given(
    st.lists(
        st.tuples(st.none() | st.floats(0, 50), st.none() | st.floats(-1, 1)).filter(any),
        min_size=1,
        max_size=8,
    )
)
def test_scores_lie_between_zero_and_one_and_fall(signals: list[tuple[float | None, float | None]]) -> None:
    found = [
        Candidate(FaqEntry(str(number), "c", f"Question {number}", "a"), lexical, semantic)
        for number, (lexical, semantic) in enumerate(signals)
    ]
    scores = [hit.score for hit in ranked("anything", found, floor=-1.0).hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize("limit", [5, 10])
def test_where_nothing_is_sure_the_last_suggestions_are_those_most_like_the_question(limit: int) -> None:
    worded = [
        Candidate(FaqEntry(f"w{at}", "c", f"words {at}", "x"), 9.0 - at / 10, semantic=0.4) for at in range(9)
    ]
    ranking = ranked("zebra", worded, floor=0.1, limit=limit)
    assert [hit.entry.id for hit in ranking.contenders] == ["w3", "w4", "w5", "w6"]
    suggested = ranking.suggesting([0.1, 0.2, 0.9, 0.8])
    ids = ["w0", "w1", "w2", "w5", "w6", "w4", "w3", "w7", "w8"]
    assert [hit.entry.id for hit in suggested.hits] == ids[:limit]
    scores = [hit.score for hit in suggested.hits]
    assert scores == sorted(scores, reverse=True)


def test_by_words_alone_suggestions_are_the_hits() -> None:
    worded = [Candidate(FaqEntry(f"w{at}", "c", f"words {at}", "x"), 9.0 - at) for at in range(7)]
    ranking = ranked("zebra", worded)
    assert not ranking.contenders
