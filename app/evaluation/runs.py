"""Puts questions to the assistant and keeps what came."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.answering.retrieval import Retrieval, RetrievalResult
from app.domain import FaqEntry, Question, Status
from app.evaluation.questions import Case, Catalogue, Place, place_of
from app.indexes.without import IndexWithout
from app.ranking.confidence import Features

DEPTH = 10  # how many places are looked at
_AT_ONCE = 4  # questions: one is searched and judged while the embedder, which has one thread, reads another


class Finder(Protocol):
    """What is evaluated: an Assistant, as far as retrieval goes."""

    async def find(self, question: Question) -> RetrievalResult: ...


@dataclass(frozen=True, kw_only=True)
class Found(Retrieval):
    """A search that was made before."""

    result: RetrievalResult

    async def find(self, question: Question) -> RetrievalResult:
        return self.result


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came when a case was put to a finder."""

    case: Case
    entries: Sequence[FaqEntry]  # best first
    status: Status
    confidence: float
    features: Features  # of the first entry
    ms: float
    given: Sequence[FaqEntry] = ()  # of several questions in one the entries that answer each
    asked: str | None = None  # as it was read, where that is not as it came

    @property
    def right(self) -> bool:
        """Whether each entry that would be given as an answer is a right one."""
        given = self.given or self.entries[:1]
        return bool(given) and all(place_of(entry) in self.case.gold for entry in given)

    @property
    def rank(self) -> int | None:
        """Of the first entry that answers, from 1 on."""
        for rank, entry in enumerate(self.entries, 1):
            if place_of(entry) in self.case.gold:
                return rank
        return None


async def put(case: Case, finder: Finder) -> Outcome:
    started = time.perf_counter()
    result = await finder.find(Question(case.text, case.collection, limit=DEPTH, history=case.history))
    ranking = result.ranking
    return Outcome(
        case,
        [hit.entry for hit in ranking.hits],
        status=ranking.status,
        confidence=ranking.confidence,
        features=ranking.features,
        ms=(time.perf_counter() - started) * 1000,
        given=[
            ranking.hits[part.sources[0] - 1].entry for part in result.parts if part.status is Status.ANSWERED
        ],
        asked=result.asked,
    )


async def ask(finder: Finder, cases: Sequence[Case], progress: Callable[[int], None]) -> Sequence[Outcome]:
    """What came for each, several asked at once; `progress` is told how many further cases were put."""
    return await _all(((case, finder) for case in cases), progress)


async def _all(asked: Iterable[tuple[Case, Finder]], progress: Callable[[int], None]) -> Sequence[Outcome]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case, finder: Finder) -> Outcome:
        async with slots:
            outcome = await put(case, finder)
        progress(1)
        return outcome

    return await asyncio.gather(*(one(case, finder) for case, finder in asked))


async def compare(
    finders: Mapping[str, Finder], cases: Sequence[Case], progress: Callable[[int], None]
) -> Mapping[str, Sequence[Outcome]]:
    """What came from each finder."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in finders}
    for finder in finders.values():
        await put(cases[0], finder)  # loads what is loaded once: not to be timed
    for case in cases:
        # By turns, so that a busy moment of the machine affects all of them equally.
        for name, finder in finders.items():
            outcomes[name].append(await put(case, finder))
            progress(1)
    return outcomes


def misplaced(cases: Sequence[Case], catalogue: Catalogue) -> Sequence[Case]:
    """The answerable questions put to the next collection, which does not hold their entry."""
    following = dict(zip(catalogue.collections, _rotated(catalogue.collections), strict=True))
    moved = []
    for case in cases:
        if case.home is None or following[case.home] == case.home:
            continue
        other = following[case.home]
        if not any((other, question) in catalogue for _, question in case.gold):
            moved.append(Case(case.text, other))
    return moved


def _rotated(names: Sequence[str]) -> Sequence[str]:
    return [*names[1:], *names[:1]]


async def without_answers(
    retrieval: Retrieval, cases: Sequence[Case], catalogue: Catalogue, progress: Callable[[int], None]
) -> Sequence[Outcome]:
    """What comes when the entries that answer a question are not in the index."""

    def without(case: Case) -> tuple[Case, Finder]:
        keys = frozenset(entry.key for place in case.gold for entry in catalogue.at(place))
        finder = replace(retrieval, index=IndexWithout(retrieval.index, keys))
        return replace(case, gold=frozenset[Place]()), finder

    return await _all(map(without, cases), progress)
