"""How often a question is declined that should be, and one that should not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain import Status
from app.evaluation.metrics import Estimate, estimate
from app.evaluation.runs import Outcome

ANSWERABLE = "answerable"
UNANSWERABLE = "unanswerable"
WRONG_COLLECTION = "wrong collection"
REMOVED = "entry removed"
_THRESHOLDS = 201


@dataclass(frozen=True, slots=True)
class Curve:
    """What would be declined at other thresholds, if nothing but the confidence decided."""

    thresholds: Sequence[float]
    refused: Mapping[str, Sequence[float]]  # by kind of question


@dataclass(frozen=True, slots=True)
class Abstention:
    """By kind of question: of `ANSWERABLE` none should be refused, of the others all."""

    questions: Mapping[str, int]
    refused: Mapping[str, Estimate]  # as the service decides now
    curve: Curve


def abstention(outcomes: Mapping[str, Sequence[Outcome]]) -> Abstention:
    asked = {kind: of_kind for kind, of_kind in outcomes.items() if of_kind}
    return Abstention(
        questions={kind: len(of_kind) for kind, of_kind in asked.items()},
        refused={
            kind: estimate(outcome.status is not Status.ANSWERED for outcome in of_kind)
            for kind, of_kind in asked.items()
        },
        curve=_curve(asked),
    )


def _curve(outcomes: Mapping[str, Sequence[Outcome]]) -> Curve:
    thresholds = np.linspace(0, 1, _THRESHOLDS)
    refused = {}
    for kind, of_kind in outcomes.items():
        # Where nothing was found, no threshold lets it pass.
        confidences = np.sort([outcome.confidence if outcome.entries else -1.0 for outcome in of_kind])
        refused[kind] = (np.searchsorted(confidences, thresholds) / len(of_kind)).tolist()
    return Curve(thresholds.tolist(), refused)
