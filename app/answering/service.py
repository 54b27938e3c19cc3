"""Answers for many callers: kept ones, one generation for all who ask the same, an end for each deadline."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from app.answering.pipeline import Found, Pipeline, Progress
from app.answering.prompt import PROMPT_VERSION
from app.domain import Answer, Event, Mode, Question, Source, Text, Timings
from app.errors import DeadlineExceeded, Overloaded
from app.indexes.manifest import Manifest
from app.models.watch import ModelWatch
from app.traffic.answer_cache import AnswerCache, AnswerKey
from app.traffic.deadline import NEVER, Deadline
from app.traffic.single_flight import SharedRun, SharedRuns

# Seconds: a failure that comes this soon is still an HTTP status; a slow model is not waited for.
_GRACE = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer still being written: its sources are known, its text is on the way."""

    sources: Sequence[Source]
    events: AsyncIterator[Event]


@dataclass(frozen=True)
class Assistant:
    pipeline: Pipeline
    watch: ModelWatch
    cache: AnswerCache
    given: Callable[[Answer], None] = lambda answer: None  # is told of every answer a caller gets
    made: Callable[[Answer], None] = lambda answer: None  # of every answer once, however many share it
    joined: Callable[[], None] = lambda: None  # is told when a caller waits for what another began
    _runs: SharedRuns[Progress | Event] = field(default_factory=SharedRuns, init=False)

    async def manifest(self) -> Manifest:
        """Raises SearchUnavailable, IndexMissing or IndexUnreadable."""
        return await self.pipeline.index.manifest()

    async def find(self, question: Question, deadline: Deadline = NEVER) -> Found:
        """Retrieval alone. Raises as `Pipeline.find`."""
        return await self.pipeline.find(question, deadline)

    async def kept(self, question: Question) -> Answer | None:
        """The answer, if it was given not long ago. Raises RetrievalError."""
        _, kept = await self._looked_up(question, NEVER, fresh=False)
        if kept:
            self.given(kept)
        return kept

    async def ask(self, question: Question, deadline: Deadline = NEVER, *, fresh: bool = False) -> Answer:
        """The whole answer; with `fresh` not one that was kept, or is being written for somebody else.

        Raises QuestionError, RetrievalError, ModelError or DeadlineExceeded.
        """
        key, kept = await self._looked_up(question, deadline, fresh)
        if kept:
            self.given(kept)
            return kept
        async with aclosing(self._events(key, question, deadline, fresh, to_the_end=True)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    self.given(event)
                    return event
        raise AssertionError("the events of a reply end with its answer")

    @asynccontextmanager
    async def reply(
        self, question: Question, deadline: Deadline = NEVER, *, fresh: bool = False
    ) -> AsyncIterator[Reply]:
        """Open a reply; leaving the block stops the model, unless somebody else asked the same.

        Raises what fails before the first words, as `ask`.
        """
        key, kept = await self._looked_up(question, deadline, fresh)
        if kept:
            self.given(kept)
            yield Reply(kept.sources, _all([Text(kept.text), kept]))
            return
        async with aclosing(self._events(key, question, deadline, fresh)) as events:
            progress = cast(Progress, await anext(events))
            first = asyncio.ensure_future(anext(events))
            try:
                await asyncio.wait({first}, timeout=_GRACE)
                if first.done():
                    first.result()
                yield Reply(progress.sources(), self._told(_resumed(first, events)))
            finally:
                if not first.done():
                    first.cancel()
                    await asyncio.wait({first})
                if not first.cancelled():
                    first.exception()  # seen: asyncio would complain of one that nobody was left to be told

    async def _told(self, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        async for event in events:
            if isinstance(event, Answer):
                self.given(event)
            yield event

    async def _looked_up(
        self, question: Question, deadline: Deadline, fresh: bool
    ) -> tuple[AnswerKey, Answer | None]:
        """What the answer goes by, and the answer where it was kept and need not be fresh."""
        started = time.perf_counter()
        async with deadline.limit("the search"):
            manifest = await self.pipeline.index.manifest()
        key = AnswerKey.of(question, manifest.version, self.watch.model, PROMPT_VERSION)
        kept = None if fresh else self.cache.get(key)
        return key, kept and _again(kept, started)

    async def _events(
        self,
        key: AnswerKey,
        question: Question,
        deadline: Deadline,
        fresh: bool,
        *,
        to_the_end: bool = False,
    ) -> AsyncGenerator[Progress | Event]:
        """As those of `Pipeline.answer`, perhaps of a run that another caller began."""
        started = time.perf_counter()
        progress: Progress | None = None
        said = False
        while True:
            run, own = self._run(key, question, deadline, fresh)
            if not own:
                self.joined()
            try:
                async with aclosing(run.follow(deadline, "the answer", to_the_end=to_the_end)) as items:
                    async for item in items:
                        if isinstance(item, Progress):
                            begun, progress = progress is not None, item
                            if begun:
                                continue
                        else:
                            said = True
                        yield item if own else _joined(item, progress, started)
                return
            except (DeadlineExceeded, Overloaded) as error:
                if not own and not said and deadline.left > 0:
                    continue  # it was another caller whose time was too short
                if progress is None or isinstance(error, Overloaded):
                    raise
                for event in self.pipeline.late(progress, error):
                    yield event
                return

    def _run(
        self, key: AnswerKey, question: Question, deadline: Deadline, fresh: bool
    ) -> tuple[SharedRun[Progress | Event], bool]:
        if fresh:
            return SharedRun(self._kept_answer(key, question, deadline)), True
        if question.mode is Mode.GENERATE and key not in self._runs:
            self.pipeline.admission.check(deadline)  # as it will be, but before any work
        return self._runs.join(key, lambda: self._kept_answer(key, question, deadline))

    async def _kept_answer(
        self, key: AnswerKey, question: Question, deadline: Deadline
    ) -> AsyncGenerator[Progress | Event]:
        """The pipeline's events; a whole answer goes into the cache."""
        async with aclosing(self.pipeline.answer(question, deadline)) as events:
            async for event in events:
                # Until the model is known, its answers cannot be told from those of the next one.
                if isinstance(event, Answer):
                    self.made(event)
                    if self.watch.model:
                        self.cache.put(key, event)
                yield event


def _joined(item: Progress | Event, progress: Progress | None, started: float) -> Progress | Event:
    """An answer that somebody else had asked for before, with this caller's own times."""
    if not isinstance(item, Answer) or progress is None:
        return item
    first = progress.draft.first_token if item.model else None
    return replace(
        item,
        timings=Timings(
            retrieve=0.0,
            queue=0.0,
            first_token=None if first is None else max(first - started, 0.0) * 1000,
            total=(time.perf_counter() - started) * 1000,
        ),
    )


def _again(kept: Answer, started: float) -> Answer:
    total = (time.perf_counter() - started) * 1000
    return replace(kept, cached=True, timings=Timings(retrieve=0.0, queue=0.0, first_token=None, total=total))


async def _all(events: Sequence[Event]) -> AsyncGenerator[Event]:
    for event in events:
        yield event


async def _resumed(
    first: asyncio.Future[Progress | Event], events: AsyncGenerator[Progress | Event]
) -> AsyncGenerator[Event]:
    yield cast(Event, await first)
    async for event in events:
        yield cast(Event, event)
