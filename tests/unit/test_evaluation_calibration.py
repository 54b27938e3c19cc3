import random
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest

from app.embedders.base import EmbedderInfo
from app.errors import BadSettings
from app.evaluation.calibration import Example, Kind, TrainingSet, counted, document, examples, fit
from app.ranking.confidence import Calibration, Features, Thresholds, Weights
from tests.support.finder import entries, outcome

A, B = entries("a", "b")
NONE = Weights(0.0, 0.0)
IN_FORCE = Calibration(NONE, NONE, Thresholds(0.5, 0.5), cosine_weight=0.7)


def drawn(kind: Kind, count: int, cosine: float, coverage: float) -> Sequence[Example]:
    """Examples around a point, always the same ones."""
    chance = random.Random(kind)
    return [
        Example(kind, Features(chance.gauss(coverage, 0.1), chance.gauss(cosine, 0.05))) for _ in range(count)
    ]


EXAMPLES = [
    *drawn(Kind.RIGHT, 400, 0.85, 0.8),
    *drawn(Kind.WRONG_FIRST, 50, 0.75, 0.6),
    *drawn(Kind.WRONG_COLLECTION, 400, 0.65, 0.4),
    *drawn(Kind.UNANSWERABLE, 20, 0.55, 0.2),
]


def test_outcomes_become_examples_of_four_kinds() -> None:
    found = examples(
        [outcome([A], [A, B]), outcome([A], [B, A]), outcome([A], [])], [outcome([], [B])], [outcome([], [B])]
    )
    assert counted(found) == {"right": 1, "wrong_first": 1, "wrong_collection": 1, "unanswerable": 1}


def test_the_probability_rises_with_both_features_and_parts_the_kinds() -> None:
    of = fit(EXAMPLES, IN_FORCE, semantic=True, unsure=0.08, declined=0.02).calibration
    for weights in (of.answers, of.held):
        assert weights.cosine > 0
        assert weights.coverage > 0
        assert weights.probability(Features(0.8, 0.85)) > 0.8
        assert weights.probability(Features(0.2, 0.55)) < 0.1
    assert of.cosine_weight == IN_FORCE.cosine_weight


def test_by_words_alone_the_cosine_does_not_count() -> None:
    of = fit(EXAMPLES, IN_FORCE, semantic=False, unsure=0.08, declined=0.02).calibration
    assert of.answers.cosine == of.held.cosine == 0
    assert of.answers.probability(Features(0.8)) > of.thresholds.answer
    assert of.held.probability(Features(0.1)) < of.thresholds.suggest


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 1.0])
def test_no_more_of_the_answerable_are_left_unsure_or_declined_than_allowed(share: float) -> None:
    of = fit(EXAMPLES, IN_FORCE, semantic=True, unsure=share, declined=share).calibration
    answerable = [example.features for example in EXAMPLES if example.answerable]
    unsure = [of.answers.probability(each) < of.thresholds.answer for each in answerable]
    declined = [of.held.probability(each) < of.thresholds.suggest for each in answerable]
    for marked in (unsure, declined):
        assert sum(marked) / len(marked) <= share
        if share < 1:  # and no fewer than that, as far as whole questions go
            assert sum(marked) >= int(share * len(marked)) - 1


def test_the_margin_counts_for_the_answer_but_not_for_whether_the_faq_holds_it() -> None:
    chance = random.Random(1)
    found = [
        Example(
            each.kind, replace(each.features, margin=chance.uniform(0.05, 0.2) * (each.kind is Kind.RIGHT))
        )
        for each in EXAMPLES
    ]
    of = fit(found, IN_FORCE, semantic=True, unsure=0.05, declined=0.01).calibration
    assert of.answers.margin > 0
    assert of.held.margin == 0


def test_the_kinds_weigh_the_same_however_many_there_are() -> None:
    fitted = fit(EXAMPLES, IN_FORCE, semantic=True, unsure=0.0, declined=0.0)
    totals = {kind: count * fitted.weights[kind] for kind, count in counted(EXAMPLES).items()}

    assert totals["right"] + totals["wrong_first"] == pytest.approx(2, abs=1e-3)
    assert totals["wrong_collection"] == pytest.approx(1, abs=1e-3)
    assert totals["unanswerable"] == pytest.approx(1, abs=1e-3)


def test_examples_of_one_sort_teach_nothing() -> None:
    with pytest.raises(BadSettings, match="nothing to learn from"):
        fit(drawn(Kind.RIGHT, 10, 0.8, 0.8), IN_FORCE, semantic=True, unsure=0.08, declined=0.02)
    with pytest.raises(BadSettings, match="nothing to learn from"):
        fit(drawn(Kind.UNANSWERABLE, 10, 0.8, 0.8), IN_FORCE, semantic=True, unsure=0.08, declined=0.02)


def test_a_question_without_a_cosine_is_no_example_for_search_by_meaning() -> None:
    with pytest.raises(BadSettings, match="1 of 871 questions were searched by words alone"):
        fit(
            [*EXAMPLES, Example(Kind.RIGHT, Features(0.5))],
            IN_FORCE,
            semantic=True,
            unsure=0.08,
            declined=0.02,
        )


def test_the_file_says_what_it_was_made_of() -> None:
    fitted = fit(EXAMPLES, IN_FORCE, semantic=True, unsure=0.08, declined=0.02)
    sets = [TrainingSet("faq.json", "queries.csv", "none.csv", counted(EXAMPLES))]
    made = document(
        fitted, EmbedderInfo("bge", "d1", 384), sets, {"unsure": 0.08}, "askd eval calibrate faq.json"
    )
    assert made["embedder"] == {"name": "bge", "digest": "d1", "dimension": 384, "latin_only": False}
    of = fitted.calibration
    assert (made["answers"], made["held"]) == (asdict(of.answers), asdict(of.held))
    assert (made["thresholds"], made["cosine_weight"]) == (asdict(of.thresholds), 0.7)
    assert made["command"] == "askd eval calibrate faq.json"
    assert made["sets"] == [
        {
            "faq": "faq.json",
            "queries": "queries.csv",
            "unanswerable": "none.csv",
            "counts": {"right": 400, "wrong_first": 50, "wrong_collection": 400, "unanswerable": 20},
        }
    ]
