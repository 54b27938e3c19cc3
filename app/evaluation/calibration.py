"""Fits the probability that the first source answers, and below which a question is declined."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from app.embedders.base import EmbedderInfo
from app.errors import BadSettings
from app.evaluation.runs import Outcome
from app.ranking.confidence import Calibration, Features

_VERSION = 1  # of the file's form
_WEAK = 10_000.0  # inverse strength of the regularisation: three coefficients need next to none


class Kind(StrEnum):
    """What a question is an example of; only in the first kind does the first source answer."""

    RIGHT = "right"
    WRONG_FIRST = "wrong_first"
    WRONG_COLLECTION = "wrong_collection"
    UNANSWERABLE = "unanswerable"


@dataclass(frozen=True, slots=True)
class Example:
    kind: Kind
    features: Features

    @property
    def answerable(self) -> bool:
        return self.kind in (Kind.RIGHT, Kind.WRONG_FIRST)


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of the examples; `weights` are those of one example of each kind."""

    calibration: Calibration
    weights: Mapping[str, float]
    refused: Mapping[str, float]  # shares, at the threshold


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The names of its files, and how many examples of each kind it gave."""

    faq: str
    queries: str
    unanswerable: str
    counts: Mapping[str, int]


def examples(
    answerable: Iterable[Outcome], misplaced: Iterable[Outcome], unanswerable: Iterable[Outcome]
) -> Sequence[Example]:
    """Without the questions that found nothing: those are declined in any case."""
    kinds = [(Kind.RIGHT if outcome.rank == 1 else Kind.WRONG_FIRST, outcome) for outcome in answerable]
    kinds += [(Kind.WRONG_COLLECTION, outcome) for outcome in misplaced]
    kinds += [(Kind.UNANSWERABLE, outcome) for outcome in unanswerable]
    return [Example(kind, outcome.features) for kind, outcome in kinds if outcome.entries]


def counted(of: Iterable[Example]) -> Mapping[str, int]:
    kinds = [example.kind for example in of]
    return {kind.value: kinds.count(kind) for kind in Kind}


def fit(of: Sequence[Example], in_force: Calibration, *, semantic: bool, refuse: float) -> Fit:
    """The threshold is the highest that refuses at most the share `refuse` of the answerable.

    `in_force` ranked the hits: what is not fitted here stays as it is there. Not `semantic`: from the
    coverage alone. Raises BadSettings when the examples are all of one sort, or lack a cosine.
    """
    from sklearn.linear_model import LogisticRegression  # of the extra `eval`

    counts = counted(of)
    if not 0 < counts[Kind.RIGHT] < len(of):
        raise BadSettings("nothing to learn from: it takes questions answered right and others that are not")
    lacking = sum(example.features.cosine is None for example in of)
    if semantic and lacking:
        raise BadSettings(
            f"{lacking} of {len(of)} questions were searched by words alone: is the embedder there?"
        )
    present = [kind for kind, count in counts.items() if count]
    weights = _weights(counts)
    model = LogisticRegression(C=_WEAK, max_iter=1_000).fit(
        _matrix(of, semantic),
        [example.kind is Kind.RIGHT for example in of],
        sample_weight=[weights[example.kind] for example in of],
    )
    # Rounded first, so that the threshold is that of the very figures written to the file.
    intercept, coverage, cosine = (round(float(value), 3) for value in (*model.intercept_, *model.coef_[0]))
    fitted = replace(in_force, intercept=intercept, coverage=coverage, cosine=cosine)
    probabilities = np.array([fitted.probability(example.features) for example in of])
    threshold = _threshold(probabilities[[example.answerable for example in of]], refuse)
    kinds = np.array([example.kind.value for example in of])
    return Fit(
        replace(fitted, threshold=threshold),
        weights={kind: round(weight, 6) for kind, weight in weights.items()},
        refused={
            kind: round(float((probabilities[kinds == kind] < threshold).mean()), 4) for kind in present
        },
    )


def _weights(counts: Mapping[str, int]) -> Mapping[str, float]:
    """Of one example of each kind: the answerable, whatever came first, weigh 2 in all, the others 1.

    A wrong first hit is often a neighbour of the right one: weighing more, it would teach to decline what
    the FAQ does hold.
    """
    answerable = counts[Kind.RIGHT] + counts[Kind.WRONG_FIRST]
    of_all = {Kind.RIGHT: (2, answerable), Kind.WRONG_FIRST: (2, answerable)}
    shares = {kind: of_all.get(kind, (1, counts[kind])) for kind in Kind if counts[kind]}
    return {kind.value: weight / count for kind, (weight, count) in shares.items()}


def _matrix(of: Sequence[Example], semantic: bool) -> NDArray[np.float64]:
    """A column that is nothing but zeros gets the coefficient zero."""
    return np.array(
        [[example.features.coverage, (example.features.cosine or 0.0) if semantic else 0.0] for example in of]
    )


def _threshold(probabilities: NDArray[np.float64], refuse: float) -> float:
    # Refused is what lies below it. Rounded down: who stands at the threshold is to pass.
    allowed = min(int(refuse * len(probabilities)), len(probabilities) - 1)
    return float(np.floor(np.sort(probabilities)[allowed] * 1e4) / 1e4)


def document(
    fitted: Fit, embedder: EmbedderInfo | None, sets: Sequence[TrainingSet], refuse: float, command: str
) -> Mapping[str, object]:
    """What is written to the calibration file, with all it takes to make it again."""
    of = fitted.calibration
    return {
        "version": _VERSION,
        "embedder": asdict(embedder) if embedder else None,
        "coefficients": {"intercept": of.intercept, "coverage": of.coverage, "cosine": of.cosine},
        "threshold": of.threshold,
        "cosine_weight": of.cosine_weight,
        "refuse": refuse,
        "refused": fitted.refused,
        "weights": fitted.weights,
        "sets": [asdict(each) for each in sets],
        "created": f"{datetime.now(UTC):%Y-%m-%d}",
        "askd": version("askd"),
        "command": command,
    }
