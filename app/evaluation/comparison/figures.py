"""The figures of each row, with 95 % intervals, and the differences between rows. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from app.domain import Origin, Status
from app.evaluation.comparison.records import Record
from app.evaluation.comparison.rows import Row
from app.evaluation.metrics import Estimate, estimate

RANKED_FROM = 50  # questions: with fewer, an order of the rows would be chance
_Z = 1.959964  # of the normal distribution, for 95 %
_TIMED_TOKENS = 8  # fewer tell nothing of the speed
_WATT_HOUR = 3600.0  # joules


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a number of questions, with its 95 % interval (Wilson)."""

    count: int
    of: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds, with 95 % intervals (bootstrap over questions)."""

    p50: Estimate
    p95: Estimate


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one row. Shares are of all questions, with their entries there or, where it says so, removed."""

    questions: int
    right: Share  # a mark points at an entry that answers
    passed: Share  # answered, and every sentence passed the checks
    verbatim: Share  # of these, in an entry's own words
    unknown: Share  # "don't know" or a suggestion, though the entry is there
    taken_back: Share  # the entry's words took the place of the model's, or the model failed
    answered_removed: Share  # answered, though the entry was removed
    asked_model: Share
    first_text_ms: Times | None
    whole_ms: Times
    prefill: float | None  # median tokens/s, without cached ones where the model's server tells them
    decode: float | None
    memory: int | None  # bytes
    watt_hours: float | None  # an answer


@dataclass(frozen=True, slots=True)
class Difference:
    """Of `row` minus `other` over the same questions, with its 95 % interval (bootstrap)."""

    row: str
    other: str
    measure: str
    difference: Estimate

    @property
    def shown(self) -> bool:
        return not self.difference.low <= 0 <= self.difference.high


def share(count: int, of: int) -> Share:
    """Of none nothing is known: 0, from 0 to 1."""
    if not of:
        return Share(0, 0, 0.0, 0.0, 1.0)
    value = count / of
    scale = 1 + _Z**2 / of
    middle = (value + _Z**2 / (2 * of)) / scale
    half = _Z * math.sqrt(value * (1 - value) / of + _Z**2 / (4 * of**2)) / scale
    return Share(count, of, value, max(0.0, middle - half), min(1.0, middle + half))


def times(values: Sequence[float]) -> Times:
    """Of at least one."""
    return Times(estimate(values, 50), estimate(values, 95))


def figures(there: Sequence[Record], removed: Sequence[Record]) -> Figures:
    """Of at least one question."""
    every = [*there, *removed]
    generations = [each for record in every for each in record.generations]
    first = [record.first_text for record in there if record.first_text is not None]
    passed = [record for record in there if record.passed]
    joules = [record.joules for record in there if record.joules is not None]
    memory = [record.memory for record in every if record.memory]
    return Figures(
        len(there),
        right=_share(there, lambda record: record.right),
        passed=_share(there, lambda record: record.passed),
        verbatim=_share(passed, lambda record: record.origin is not Origin.GENERATED),
        unknown=_share(there, lambda record: record.status in (Status.NO_ANSWER, Status.SUGGESTED)),
        taken_back=_share(there, lambda record: record.asked_model and not record.passed and _told(record)),
        answered_removed=_share(removed, lambda record: record.status is Status.ANSWERED),
        asked_model=_share(there, lambda record: record.asked_model),
        first_text_ms=times(first) if first else None,
        whole_ms=times([record.whole for record in there]),
        prefill=_median(
            [each.read_tokens / each.first_text for each in generations if each.read_tokens >= _TIMED_TOKENS]
        ),
        decode=_median(
            [
                (each.completion_tokens - 1) / each.rest
                for each in generations
                if each.completion_tokens >= _TIMED_TOKENS and each.rest
            ]
        ),
        memory=max(memory, default=None),
        watt_hours=sum(joules) / len(joules) / _WATT_HOUR if joules else None,
    )


def _told(record: Record) -> bool:
    return record.status is Status.ANSWERED or record.status is None


def _share(records: Sequence[Record], fits: Callable[[Record], bool]) -> Share:
    return share(sum(map(fits, records)), len(records))


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


# --- differences -------------------------------------------------------------------------------

# What is compared question by question; of the first two more is better, of the others less.
MEASURES: Mapping[str, Callable[[Record, Record], float]] = {
    "right entry cited": lambda there, removed: float(there.right),
    "passed the checks": lambda there, removed: float(there.passed),
    "answers with the entry removed": lambda there, removed: float(removed.status is Status.ANSWERED),
    "whole answer, s": lambda there, removed: there.whole / 1000,
}
MORE_IS_BETTER = frozenset([*MEASURES][:2])


def differences(rows: Mapping[str, Sequence[tuple[Record, Record]]]) -> Sequence[Difference]:
    """Of each two rows; each has its questions in the same order, with the entries there and removed."""
    found = []
    for (other, second), (row, first) in combinations(rows.items(), 2):
        for name, measure in MEASURES.items():
            values = [measure(*one) - measure(*two) for one, two in zip(first, second, strict=True)]
            found.append(Difference(row, other, name, estimate(values)))
    return found


def on_the_front(rows: Mapping[Row, Figures]) -> frozenset[Row]:
    """The models that no other model beats in one of quality and time without being worse in the other.

    Quality is the share that passed, time the median of a whole answer. None with too few questions.
    """
    models = {row: of for row, of in rows.items() if row.facts and of.questions >= RANKED_FROM}
    return frozenset(
        row
        for row, of in models.items()
        if not any(_beats(other, of) for each, other in models.items() if each is not row)
    )


def _beats(one: Figures, other: Figures) -> bool:
    better = (one.passed.value - other.passed.value, other.whole_ms.p50.value - one.whole_ms.p50.value)
    return min(better) >= 0 and max(better) > 0
