import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from app.evaluation.questions import Case
from app.evaluation.variations import Variation, rarest_words, sample, with_typos
from app.ranking.candidates import WordStatistics

STATISTICS = WordStatistics(100, {"join": 50, "course": 90, "late": 10})


@given(st.text(alphabet="abcdeé ", max_size=60))
def test_a_typo_is_one_edit_in_each_longer_word_and_none_in_others(text: str) -> None:
    for before, after in zip(text.split(" "), with_typos(text, 1.0, 1).split(" "), strict=True):
        assert OSA.distance(before, after) == (1 if len(before) >= 5 else 0)


def test_all_four_kinds_of_typos_are_made() -> None:
    made = {with_typos("lantern", 1.0, seed) for seed in range(500)}
    assert {"antern", "laantern", "alntern"} < made
    assert any(
        len(typo) == 7 and OSA.distance(typo, "lantern") == 1 and typo[1:] == "antern" for typo in made
    )


def test_the_share_of_words_with_a_typo_is_kept() -> None:
    words = ["lantern"] * 2_000
    touched = sum(word != "lantern" for word in with_typos(" ".join(words), 0.2, 1).split())
    assert touched == pytest.approx(400, abs=80)


def test_the_same_seed_gives_the_same_typos_and_another_seed_others() -> None:
    text = "Where are the lanterns and candles of yesterday evening?"
    assert with_typos(text, 0.5, 1) == with_typos(text, 0.5, 1)
    assert len({with_typos(text, 0.5, seed) for seed in range(10)}) > 5
    assert with_typos(text, 0.0, 1) == text


def test_the_rarest_content_words_stay_in_their_order() -> None:
    text = "Can I join the course so late, or the kubernetes course?"
    assert rarest_words(text, 2, STATISTICS) == "late kubernetes"
    assert rarest_words(text, 9, STATISTICS) == "join course late kubernetes"
    assert rarest_words("What is it?", 3, STATISTICS) == "What is it?"


def test_a_sample_keeps_the_order_and_is_always_the_same() -> None:
    cases = [Case(str(number)) for number in range(100)]
    chosen = sample(cases, 10, 1)
    assert chosen == sample(cases, 10, 1) != sample(cases, 10, 2)
    assert [int(case.text) for case in chosen] == sorted({int(case.text) for case in chosen})
    assert len(chosen) == 10
    assert sample(cases, 1_000, 1) == sample(cases, None, 1) == cases


def test_a_variation_changes_what_is_asked_and_never_what_answers() -> None:
    case = Case("Can I join the course late?", "course", frozenset({("course", "join")}))
    harder = Variation(keywords=2, typos=1.0, ignore_collection=True)
    (varied,) = harder.of([case], STATISTICS)
    assert (varied.collection, varied.gold) == (None, case.gold)
    assert varied.text == "join late"
    assert Variation().of([case], STATISTICS) == [case]
