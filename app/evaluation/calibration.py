"""Fits how sure retrieval is of its first hit, and from when on it answers, suggests or declines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from app.embedders.base import EmbedderInfo
from app.errors import BadSettings
from app.evaluation.runs import Outcome
from app.ranking.confidence import MARGIN_MOST, Calibration, Features, Thresholds, Weights

_VERSION = 2  # of the file's form
_WEAK = 10_000.0  # inverse strength of the regularisation: so few coefficients need next to none


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
    unsure: Mapping[str, float]  # shares that are not answered, at the threshold `answer`
    declined: Mapping[str, float]  # shares that get no suggestion either, at the threshold `suggest`


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


def fit(
    of: Sequence[Example], in_force: Calibration, *, semantic: bool, unsure: float, declined: float
) -> Fit:
    """Each threshold is the highest that keeps at most this share of the answerable from an answer or a
    suggestion.

    `in_force` ranked the hits: its cosine weight stays. Not `semantic`: from the words alone. Raises
    BadSettings when the examples are all of one sort, or lack a cosine.
    """
    counts = counted(of)
    if not 0 < counts[Kind.RIGHT] < len(of) or counts[Kind.RIGHT] + counts[Kind.WRONG_FIRST] == len(of):
        raise BadSettings("nothing to learn from: it takes questions answered right and others that are not")
    lacking = sum(example.features.cosine is None for example in of)
    if semantic and lacking:
        raise BadSettings(
            f"{lacking} of {len(of)} questions were searched by words alone: is the embedder there?"
        )
    weights = _weights(counts)
    answers = _regression(of, [example.kind is Kind.RIGHT for example in of], weights, semantic, margin=True)
    held = _regression(of, [example.answerable for example in of], weights, semantic, margin=False)
    answerable = np.array([example.answerable for example in of])
    by_answer = np.array([answers.probability(example.features) for example in of])
    by_held = np.array([held.probability(example.features) for example in of])
    thresholds = Thresholds(
        _threshold(by_answer[answerable], unsure), _threshold(by_held[answerable], declined)
    )
    return Fit(
        Calibration(answers, held, thresholds, in_force.cosine_weight),
        weights={kind: round(weight, 6) for kind, weight in weights.items()},
        unsure=_shares(of, by_answer < thresholds.answer),
        declined=_shares(of, by_held < thresholds.suggest),
    )


def _regression(
    of: Sequence[Example],
    labels: Sequence[bool],
    weights: Mapping[str, float],
    semantic: bool,
    *,
    margin: bool,
) -> Weights:
    from sklearn.linear_model import LogisticRegression  # of the extra `eval`

    model = LogisticRegression(C=_WEAK, max_iter=5_000).fit(
        _matrix(of, semantic, margin), labels, sample_weight=[1_000 * weights[each.kind] for each in of]
    )
    # Rounded first, so that the thresholds are those of the very figures written to the file.
    return Weights(*(round(float(value), 3) for value in (*model.intercept_, *model.coef_[0])))


def _shares(of: Sequence[Example], marked: NDArray[np.bool_]) -> Mapping[str, float]:
    kinds = np.array([example.kind.value for example in of])
    present = [kind.value for kind in Kind if (kinds == kind.value).any()]
    return {kind: round(float(marked[kinds == kind].mean()), 4) for kind in present}


def _weights(counts: Mapping[str, int]) -> Mapping[str, float]:
    """Of one example of each kind: the answerable, whatever came first, weigh 2 in all, the others 1.

    A wrong first hit is often a neighbour of the right one: weighing more, it would teach to decline what
    the FAQ does hold.
    """
    answerable = counts[Kind.RIGHT] + counts[Kind.WRONG_FIRST]
    of_all = {Kind.RIGHT: (2, answerable), Kind.WRONG_FIRST: (2, answerable)}
    shares = {kind: of_all.get(kind, (1, counts[kind])) for kind in Kind if counts[kind]}
    return {kind.value: weight / count for kind, (weight, count) in shares.items()}


def _matrix(of: Sequence[Example], semantic: bool, margin: bool) -> NDArray[np.float64]:
    """In the order of `Weights`. A column that is nothing but zeros gets the coefficient zero."""
    found = [example.features for example in of]
    by_meaning = [(each.cosine or 0.0, each.late or 0.0, each.late_min or 0.0) for each in found]
    return np.array(
        [
            [
                each.coverage,
                *(meaning if semantic else (0.0, 0.0, 0.0)),
                min(each.margin, MARGIN_MOST) * margin,
            ]
            for each, meaning in zip(found, by_meaning, strict=True)
        ]
    )


def _threshold(probabilities: NDArray[np.float64], refuse: float) -> float:
    # Refused is what lies below it. Rounded down: who stands at the threshold is to pass.
    allowed = min(int(refuse * len(probabilities)), len(probabilities) - 1)
    return float(np.floor(np.sort(probabilities)[allowed] * 1e4) / 1e4)


def document(
    fitted: Fit,
    embedder: EmbedderInfo | None,
    sets: Sequence[TrainingSet],
    shares: Mapping[str, float],
    command: str,
) -> Mapping[str, object]:
    """What is written to the calibration file, with all it takes to make it again."""
    of = fitted.calibration
    return {
        "version": _VERSION,
        "embedder": asdict(embedder) if embedder else None,
        "answers": asdict(of.answers),
        "held": asdict(of.held),
        "thresholds": asdict(of.thresholds),
        "cosine_weight": of.cosine_weight,
        "shares": shares,
        "unsure": fitted.unsure,
        "declined": fitted.declined,
        "weights": fitted.weights,
        "sets": [asdict(each) for each in sets],
        "created": f"{datetime.now(UTC):%Y-%m-%d}",
        "askd": version("askd"),
        "command": command,
    }
