import pytest

from app.domain import FaqEntry, Hit, Status
from app.ranking.confidence import Calibration, Features, Thresholds, Weights
from app.ranking.evidence import lacking, opposed
from app.ranking.fusion import NOTHING, Ranking
from app.ranking.judgement import judge
from app.ranking.own_thresholds import own_thresholds

ENTRY = FaqEntry("e", "c", "What does error E-1042 mean?", "The NVIDIA driver 1.21 is missing in Ubuntu.")
WEIGHTS = Weights(intercept=-4.0, coverage=8.0)
THRESHOLDS = Thresholds(answer=0.5, suggest=0.1)
CALIBRATION = Calibration(WEIGHTS, WEIGHTS, THRESHOLDS, cosine_weight=0.5)


def judged(question: str, coverage: float, *, exact: bool = False, late_min: float | None = None) -> Ranking:
    features = Features(coverage, late_min=late_min)
    return judge(question, Ranking([Hit(ENTRY, 1.0)], exact, features), CALIBRATION, THRESHOLDS)


@pytest.mark.parametrize(
    ("coverage", "status"), [(0.9, Status.ANSWERED), (0.4, Status.SUGGESTED), (0.1, Status.NO_ANSWER)]
)
def test_two_thresholds_part_three_outcomes(coverage: float, status: Status) -> None:
    ranking = judged("what about that error here", coverage)
    assert ranking.status is status
    assert ranking.answerable is (status is Status.ANSWERED)


def test_an_entrys_own_question_is_certain_and_nothing_found_is_no_answer() -> None:
    own = judged("what does error e-1042 mean", 0.0, exact=True)
    assert (own.status, own.confidence, own.confident) == (Status.ANSWERED, 1.0, True)
    assert judge("x", NOTHING, CALIBRATION, THRESHOLDS).status is Status.NO_ANSWER


def test_a_missing_identifier_outweighs_every_likeness() -> None:
    ranking = judged("What does error E-1044 mean?", 1.0)
    assert (ranking.status, ranking.lacking) == (Status.SUGGESTED, ["E-1044"])
    assert ranking.confidence < THRESHOLDS.answer


def test_one_or_two_words_are_answered_only_for_sure() -> None:
    assert judged("that error", 0.55).status is Status.SUGGESTED
    assert judged("that error", 0.9).status is Status.ANSWERED
    assert judged("that driver error after update", 0.55).status is Status.ANSWERED


def test_of_few_words_each_must_be_met() -> None:
    assert judged("return a sofa", 1.0, late_min=0.4).status is Status.SUGGESTED
    assert judged("return a sofa", 1.0, late_min=0.7).status is Status.ANSWERED


@pytest.mark.parametrize(
    ("question", "coverage", "foreign"),
    [
        ("Was bedeutet der Fehler E-1042?", 0.9, "german"),
        ("Hur lång tid tar leveransen?", 0.0, "swedish"),  # one stop word, and letters that are not English
        ("Kargo ne kadar sürer?", 0.0, "another language"),
        ("Как долго длится доставка?", 0.0, "russian"),
    ],
)
def test_a_question_in_another_language_is_suggested_at_most_and_at_least(
    question: str, coverage: float, foreign: str
) -> None:
    ranking = judged(question, coverage)
    assert (ranking.status, ranking.foreign) == (Status.SUGGESTED, foreign)


@pytest.mark.parametrize("question", ["café error", "what about that error here", "driver version", "E-1042"])
def test_a_few_foreign_letters_or_words_make_no_other_language(question: str) -> None:
    assert judged(question, 0.5).foreign is None


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("error E1042?", []),  # the same code, written otherwise
        ("error 104?", ["104"]),  # a part of another one
        ("driver 1.2?", ["1.2"]),
        ("on Nvidea cards", []),  # a typo is no other name
        ("on the Radeon card", ["Radeon"]),
        ("Radeon or not", []),  # at the start a capital says nothing
        ("How Do I Install The Radeon Driver", []),  # nor in a title
        ("what is 'kernel panic'?", ["kernel panic"]),
        ("what is ECONNREFUSED", ["ECONNREFUSED"]),
        ("from C++ or C#", ["C++", "C#"]),
    ],
)
def test_what_identifies_is_looked_for_whole(question: str, missing: list[str]) -> None:
    assert lacking(question, ENTRY) == missing


def test_an_acronym_may_be_spelled_out_and_a_version_as_well() -> None:
    entry = FaqEntry("e", "c", "Memory errors in Elastic Container Service", "Use version 1 of the tool.")
    assert lacking("How do I find the URL of AWS ECS v1?", entry) == ["AWS"]
    assert lacking("Does it run on EKS or v2?", entry) == ["v2", "EKS"]


def test_a_question_without_a_word_is_not_answered_by_chance() -> None:
    assert judged("1", 1.0).status is Status.NO_ANSWER
    assert judged("1042?", 1.0).status is Status.ANSWERED


def test_german_nouns_are_no_names() -> None:
    assert lacking("wie lange dauert der Versand", ENTRY, "german") == []


@pytest.mark.parametrize(
    ("question", "entry", "opposite"),
    [
        ("Can I order with an account?", "Can I order without an account?", True),
        ("Do I need an account to order?", "Can I order without an account?", True),
        ("Do I pass if I don't send homework?", "Can I pass if I missed the homework?", False),
        ("Do I pass with homework?", "Can I pass if I missed the homework?", True),
        ("an invoice with no VAT", "How do I get an invoice without VAT?", False),
        ("an invoice including VAT", "How do I get an invoice without VAT?", True),
        ("Is it impossible to return a lamp?", "Can I return a lamp?", True),
        ("How do I disable logging?", "How do I enable logging?", True),
        ("How do I enable or disable logging?", "How do I enable logging?", False),
        ("Why does Docker not start?", "Docker fails to start", False),
    ],
)
def test_the_opposite_is_another_question(question: str, entry: str, opposite: bool) -> None:
    assert opposed(question, entry) is opposite


def test_thresholds_come_from_own_questions_as_far_as_there_are_enough() -> None:
    near = [Features(0.7)] * 400
    assert own_thresholds([], CALIBRATION) == THRESHOLDS
    few, many = own_thresholds(near[:5], CALIBRATION), own_thresholds(near, CALIBRATION)
    assert THRESHOLDS.answer < few.answer < many.answer
    assert many.suggest <= THRESHOLDS.suggest


def test_own_questions_without_late_interaction_set_no_threshold() -> None:
    weights = Weights(intercept=-4.0, coverage=4.0, late=4.0)
    calibration = Calibration(weights, weights, THRESHOLDS, cosine_weight=0.5)
    met, failed = [Features(0.7, late=0.7, late_min=0.5)] * 100, [Features(0.7)] * 400
    assert own_thresholds(failed, calibration) == THRESHOLDS
    assert own_thresholds([*met, *failed], calibration) == own_thresholds(met, calibration)


def test_few_own_questions_make_suggestions_easier() -> None:
    spread = [Features(share / 10) for share in range(2, 10)]
    few, many = (own_thresholds(spread * times, CALIBRATION) for times in (1, 50))
    assert few.suggest <= many.suggest <= THRESHOLDS.suggest
    lowest = CALIBRATION.held.probability(spread[0])
    assert few.suggest == pytest.approx(lowest, rel=0.01)
