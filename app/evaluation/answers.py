"""How questions end: answered right or wrong, suggested with or without the right entry, or declined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain import Status
from app.evaluation.runs import Outcome

ASKED, KEY_WORDS, REMOVED, OFF_TOPIC = "asked", "key words", "removed", "off-topic"
_SHOWN = 5  # entries of a suggestion that are looked at
_THRESHOLDS = 101


@dataclass(frozen=True, slots=True)
class Endings:
    """Shares of the `questions` of one class; `right` to `declined` add up to one."""

    questions: int
    right: float
    wrong: float
    suggested_right: float  # the right entry is among the suggestions
    suggested_other: float
    declined: float

    @property
    def answered(self) -> float:
        return self.right + self.wrong

    @property
    def suggested(self) -> float:
        return self.suggested_right + self.suggested_other

    @property
    def suggestions_right(self) -> float | None:
        """Of the suggestions alone; None without any."""
        return self.suggested_right / self.suggested if self.suggested else None


@dataclass(frozen=True, slots=True)
class Curve:
    """What would be answered at other thresholds of the confidence, by class."""

    thresholds: Sequence[float]
    right: Mapping[str, Sequence[float]]
    wrong: Mapping[str, Sequence[float]]


def endings(outcomes: Sequence[Outcome]) -> Endings:
    """Of at least one outcome. Of questions without a right entry every answer is wrong."""
    total = len(outcomes)
    answered = [each for each in outcomes if each.status is Status.ANSWERED]
    suggested = [each for each in outcomes if each.status is Status.SUGGESTED]
    right = sum(each.right for each in answered)
    listed = sum(each.rank is not None and each.rank <= _SHOWN for each in suggested)
    return Endings(
        total,
        right / total,
        (len(answered) - right) / total,
        listed / total,
        (len(suggested) - listed) / total,
        (total - len(answered) - len(suggested)) / total,
    )


def curve(outcomes: Mapping[str, Sequence[Outcome]]) -> Curve:
    thresholds = np.linspace(0, 1, _THRESHOLDS)
    right, wrong = ({kind: _reaching(of, thresholds, fits) for kind, of in outcomes.items()}
                    for fits in (True, False))  # fmt: skip
    return Curve(thresholds.tolist(), right, wrong)


def _reaching(outcomes: Sequence[Outcome], thresholds: NDArray[np.float64], right: bool) -> Sequence[float]:
    may_answer = [each for each in outcomes if each.entries and each.status is not Status.NO_ANSWER]
    confidences = np.sort([each.confidence for each in may_answer if each.right == right])
    reaching = len(confidences) - np.searchsorted(confidences, thresholds)
    found: list[float] = (reaching / len(outcomes)).tolist()
    return found


def missed(
    figures: Mapping[str, float | None], at_least: Sequence[str], at_most: Sequence[str]
) -> Sequence[str]:
    """The gates that were not kept, in words; one is NAME=VALUE: "asked.right=0.87". Raises ValueError."""
    said = []
    for gates, sign, word in ((at_least, 1, "less"), (at_most, -1, "more")):
        for gate in gates:
            name, equals, bound = gate.rpartition("=")
            if not equals or name not in figures:
                raise ValueError(f"there is no figure {name or gate!r}; there are: {', '.join(figures)}")
            value = figures[name]
            if value is not None and sign * value < sign * float(bound):
                said.append(f"{name} is {value:.4f}, {word} than {bound}")
    return said


def figures(found: Mapping[str, Endings]) -> Mapping[str, float | None]:
    """What gates can name: CLASS.FIGURE, spaces as hyphens."""
    return {
        f"{kind.replace(' ', '-')}.{name.replace('_', '-')}": value
        for kind, of in found.items()
        for name, value in {
            "right": of.right,
            "wrong": of.wrong,
            "answered": of.answered,
            "suggested": of.suggested,
            "declined": of.declined,
            "suggestions_right": of.suggestions_right,
        }.items()
    }
