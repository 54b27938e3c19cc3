"""How good a ranking is, and how sure that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.evaluation.questions import Catalogue, place_of
from app.evaluation.runs import DEPTH, Outcome

MEASURES = ("hit@1", "hit@3", "hit@5", "hit@10", "mrr@5", "ndcg@10")
_WORST = 20
_RESAMPLES = 1_000
_SEED = 1
_BLOCK = 100  # resamples at a time: they take eight bytes a question each

Values = NDArray[np.float64]  # one a question


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or percentile with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Miss:
    """A question whose answer stood low or nowhere, and what came instead."""

    question: str
    collection: str | None
    wanted: str
    rank: int | None
    instead: Sequence[str]


@dataclass(frozen=True, slots=True)
class Quality:
    """One configuration's figures."""

    questions: int
    without_vector: int  # questions that were searched by words alone
    measures: Mapping[str, Estimate]
    collections: Mapping[str, Mapping[str, float]]
    latency_ms: Mapping[str, float]
    latency_curve_ms: Sequence[float]  # the percentiles from 1 to 99
    worst: Sequence[Miss]


def quality(outcomes: Sequence[Outcome], catalogue: Catalogue) -> Quality:
    values = measured(outcomes)
    homes = np.array([outcome.case.home for outcome in outcomes])
    ms = np.array([outcome.ms for outcome in outcomes])
    percentiles = [float(value) for value in np.percentile(ms, range(1, 100))]
    return Quality(
        questions=len(outcomes),
        without_vector=sum(outcome.features.cosine is None for outcome in outcomes),
        measures={name: estimate(values[name]) for name in MEASURES},
        collections={
            home: {"questions": int((homes == home).sum())}
            | {name: float(values[name][homes == home].mean()) for name in MEASURES}
            for home in catalogue.collections
            if (homes == home).any()
        },
        latency_ms={f"p{percent}": percentiles[percent - 1] for percent in (50, 90, 99)},
        latency_curve_ms=percentiles,
        worst=worst(outcomes, catalogue),
    )


def measured(outcomes: Sequence[Outcome]) -> Mapping[str, Values]:
    """Every measure of every question, in their order."""
    from ir_measures import RR, Success, iter_calc, nDCG  # of the extra `eval`

    kinds = (Success @ 1, Success @ 3, Success @ 5, Success @ 10, RR @ 5, nDCG @ 10)
    names = dict(zip(kinds, MEASURES, strict=True))
    wanted = {
        str(number): {str(place): 1 for place in outcome.case.gold} for number, outcome in enumerate(outcomes)
    }
    run = {
        str(number): {str(place_of(entry)): float(DEPTH - rank) for rank, entry in enumerate(outcome.entries)}
        for number, outcome in enumerate(outcomes)
    }
    values = {name: np.zeros(len(outcomes)) for name in MEASURES}  # no hits at all: not in the results
    for result in iter_calc(kinds, wanted, run):
        values[names[result.measure]][int(result.query_id)] = result.value
    return values


def estimate(values: Iterable[float], percentile: float | None = None) -> Estimate:
    """The mean or a percentile, with the interval of that of resampled questions (bootstrap, seeded)."""

    def of(samples: Values) -> Values:
        if percentile is None:
            return np.asarray(samples.mean(axis=1))
        return np.asarray(np.percentile(samples, percentile, axis=1))

    sample = np.asarray(list(values), dtype=np.float64)
    chance = np.random.default_rng(_SEED)
    resampled = [
        of(sample[chance.integers(0, len(sample), (_BLOCK, len(sample)))])
        for _ in range(_RESAMPLES // _BLOCK)
    ]
    low, high = cast(tuple[float, float], np.percentile(np.concatenate(resampled), (2.5, 97.5)))
    return Estimate(float(of(sample[np.newaxis])[0]), float(low), float(high))


def worst(outcomes: Sequence[Outcome], catalogue: Catalogue) -> Sequence[Miss]:
    """The questions whose answer stood lowest; none whose answer came first."""
    missed = [outcome for outcome in outcomes if outcome.rank != 1]
    missed.sort(key=lambda outcome: 1 / outcome.rank if outcome.rank else 0.0)
    return [
        Miss(
            outcome.case.text,
            outcome.case.home,
            wanted=" | ".join(catalogue.at(place)[0].question for place in sorted(outcome.case.gold)),
            rank=outcome.rank,
            instead=[entry.question for entry in outcome.entries[:3]],
        )
        for outcome in missed[:_WORST]
    ]
