"""What an owner reads of a period: gaps, the use of entries, the trend. For `askd gaps` and for /admin."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

import numpy as np

from app.domain import FaqEntry
from app.embedders.base import Embedder, Vector
from app.errors import EmbedderUnavailable, RetrievalError
from app.feedback.base import FeedbackStore, Record
from app.feedback.export import Cases
from app.feedback.gaps import Group, Usage, Wanted, Wishes, groups_of
from app.feedback.grouping import Vectors
from app.feedback.trend import Day, Trend
from app.indexes.base import IndexStore

_MOST = 3_000  # different questions that are grouped, the most frequent ones
_BACKGROUND = 200  # questions of the FAQ that the others are compared with
_VECTORS = 4_000  # of questions, kept for the next report

Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Report:
    usage: Usage
    groups: Sequence[Group]
    days: Sequence[Day]
    cases: Cases
    entries: Sequence[FaqEntry]  # of the FAQ as it is now
    collections: Sequence[str]  # of the whole FAQ
    left_out: int  # rare questions, where there are too many
    notices: Sequence[str]  # why it is less than it could be

    @property
    def keys(self) -> Set[str]:
        return {key_of(entry) for entry in self.entries}


def key_of(entry: FaqEntry) -> str:
    """COLLECTION/ID."""
    return f"{entry.collection}/{entry.id}"


def _silent(total: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda more: None)


@dataclass
class Reporter:
    store: FeedbackStore
    faq: IndexStore
    embedder: Embedder | None  # None: questions are compared by their words
    _one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)  # reports are made one by one
    _vectors: OrderedDict[bytes, Vector] = field(default_factory=OrderedDict, init=False)

    async def report(
        self, days: int, least: int = 1, collection: str | None = None, progress: Progress = _silent
    ) -> Report:
        """Of the last `days` days (UTC) and today; of groups those asked at least `least` times.

        `progress` is told the number of questions to compare, then how many more are done.
        Raises FeedbackUnavailable.
        """
        async with self._one:
            return await self._made(days, least, collection, progress)

    async def _made(self, days: int, least: int, collection: str | None, progress: Progress) -> Report:
        today = datetime.fromtimestamp(time.time(), UTC).date()
        first = today - timedelta(days)
        usage, wishes, cases, trend = Usage(), Wishes(), Cases(), Trend()
        async for record in self.store.records(_midnight(first)):
            if collection is None or _is_of(record, collection):
                for reader in (usage.count, wishes.add, cases.add, trend.count):
                    reader(record)
        everything, notices = await self._entries()
        entries = [entry for entry in everything if collection in (None, entry.collection)]
        wanted = await asyncio.to_thread(wishes.wanted)
        grouped = wanted[:_MOST]
        known = [each.question for each in entries[:: max(1, len(entries) // _BACKGROUND)]]
        meaning = None
        if self.embedder and grouped:
            try:
                meaning = await self._meaning(self.embedder, grouped, known, progress)
            except EmbedderUnavailable as error:
                notices.append(f"questions are compared by their words: {error}")
        groups = await asyncio.to_thread(groups_of, grouped, known, meaning)
        return Report(
            usage,
            [group for group in groups if group.count >= least],
            trend.days(first, today),
            cases,
            entries,
            sorted({entry.collection for entry in everything}),
            len(wanted) - len(grouped),
            notices,
        )

    async def _entries(self) -> tuple[Sequence[FaqEntry], list[str]]:
        """With what is to be said about it."""
        try:
            return [entry async for entry in self.faq.records()], []
        except RetrievalError as error:
            return [], [f"entries that are never used are not known: {error}"]

    async def _meaning(
        self, embedder: Embedder, wanted: Sequence[Wanted], known: Sequence[str], progress: Progress
    ) -> tuple[Vectors, Vectors]:
        """Vectors of both. Raises EmbedderUnavailable."""
        texts = [*(each.question for each in wanted), *known]
        vectors = []
        with progress(len(texts)) as advance:
            for text in texts:
                vectors.append(await self._vector(embedder, text))
                advance(1)
        together = np.vstack(vectors)
        return together[: len(wanted)], together[len(wanted) :]

    async def _vector(self, embedder: Embedder, text: str) -> Vector:
        """Cached under a digest: no text stays in memory."""
        key = blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        vector = self._vectors.get(key)
        if vector is None:
            vector = await embedder.embed_question(text)
            self._vectors[key] = vector
            if len(self._vectors) > _VECTORS:
                self._vectors.popitem(last=False)
        return vector


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _is_of(record: Record, collection: str) -> bool:
    """It was searched, or where all were its entry came first."""
    outcome = record.outcome
    if outcome.collection is not None:
        return outcome.collection == collection
    return bool(outcome.entries) and outcome.entries[0].collection == collection
