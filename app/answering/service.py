"""Answers for many callers: from the cache, from a flight that is under way, or from the pipeline."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from app.answering.pipeline import Pipeline, Progress
from app.answering.prompt import PROMPT_VERSION
from app.answering.retrieval import RetrievalResult
from app.domain import Answer, Event, Question, Source, Text, Timings
from app.errors import DeadlineExceeded, Overloaded
from app.indexes.manifest import Manifest
from app.models.watch import ModelWatch
from app.telemetry.tracing import NO_TRACING, Tracing, record_shared
from app.traffic.answer_cache import AnswerKey, Answers
from app.traffic.deadline import NEVER, Deadline
from app.traffic.single_flight import Flight, Follower, SingleFlight

# Seconds: a failure that comes this soon is still an HTTP status; a slow model is not waited for.
_GRACE = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is still being written: its sources are known, its text arrives as events."""

    sources: Sequence[Source]
    events: AsyncIterator[Event]


@dataclass(frozen=True)
class Assistant:
    pipeline: Pipeline
    watch: ModelWatch
    cache: Answers
    on_answer: Callable[[Answer], None] = lambda answer: None  # called for every answer a caller gets
    on_generated: Callable[[Answer], None] = lambda answer: None  # once for all callers who share an answer
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds
    flights: SingleFlight[Progress | Event] = field(default_factory=SingleFlight, init=False)

    async def manifest(self) -> Manifest:
        """Raises SearchUnavailable, IndexMissing or IndexUnreadable."""
        return await self.pipeline.retrieval.index.manifest()

    async def find(self, question: Question, deadline: Deadline = NEVER) -> RetrievalResult:
        """Retrieval alone. Raises DeadlineExceeded, or what `Retrieval.find` raises."""
        async with deadline.limit("the search"):
            return await self.pipeline.retrieval.find(question)

    async def ask(self, question: Question, deadline: Deadline = NEVER, *, fresh: bool = False) -> Answer:
        """The whole answer. Raises as `reply`, at any time."""
        async with self.reply(question, deadline, fresh=fresh) as reply:
            async for event in reply.events:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("the events of a reply end with its answer")

    @asynccontextmanager
    async def reply(
        self, question: Question, deadline: Deadline = NEVER, *, fresh: bool = False
    ) -> AsyncIterator[Reply]:
        """Open a reply; leaving the block stops the model, unless another caller shares the flight.

        `fresh`: not from the cache, and not shared. Raises QuestionError, RetrievalError, ModelError or
        DeadlineExceeded, when entered or later from the events.
        """
        started = self.clock()
        async with deadline.limit("the search"):
            key = await self._key(question)
        cached = None if fresh else await self.cache.get(key)
        if cached:
            answer = replace(cached, cached=True, timings=self._timings_since(started))
            yield Reply(answer.sources, self._all([Text(answer.text), answer]))
            return

        async def work(flight: Flight[Progress | Event]) -> None:
            await self._generate(flight, key, question)

        flight, shared = (Flight(work), False) if fresh else self.flights.join(key, work)
        async with flight.follow(deadline) as follower:
            progress = cast(Progress, await anext(follower))
            try:
                if shared:
                    record_shared()
                    if progress.place:
                        progress.place.check(deadline)
                await follower.peek(_GRACE)
            except (DeadlineExceeded, Overloaded) as error:
                events = self._all(self.pipeline.fall_back(progress, error))
            else:
                events = self._follow(follower, progress, started, shared)
            async with aclosing(events):
                yield Reply(progress.sources(), events)

    async def _key(self, question: Question) -> AnswerKey:
        version = (await self.manifest()).version
        return AnswerKey.of(question, version, self.watch.model, PROMPT_VERSION)

    async def _generate(self, flight: Flight[Progress | Event], key: AnswerKey, question: Question) -> None:
        """Publish the pipeline's events in the flight, and cache the answer."""
        async with aclosing(self.pipeline.answer(question, flight)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    # Another version may serve by now than when the key was made.
                    key = key.at(event.result.version)
                elif isinstance(event, Answer):
                    self.on_generated(event)
                    if self.watch.model:  # else it cannot be distinguished from another model's
                        await self.cache.put(key, event)
                flight.publish(event)

    async def _follow(
        self, follower: Follower[Progress | Event], progress: Progress, started: float, shared: bool
    ) -> AsyncGenerator[Event]:
        """The events as this caller gets them: in its time, with its own timings."""
        try:
            async for item in follower:
                event = cast(Event, item)
                if isinstance(event, Text):
                    # Under load several pieces have arrived: the stream gets coarser rather than slower.
                    pieces = [event, *follower.ready(Text)]
                    event = Text("".join(piece.text for piece in pieces), pieces[-1].checked)
                if isinstance(event, Answer):
                    if shared:
                        first = progress.draft.first_token if event.model else None
                        event = replace(event, timings=self._timings_since(started, first))
                    self._record(event)
                yield event
        except DeadlineExceeded as error:
            for event in self.pipeline.fall_back(progress, error):
                if isinstance(event, Answer):
                    self._record(event)
                yield event

    async def _all(self, events: Iterable[Event]) -> AsyncGenerator[Event]:
        for event in events:
            if isinstance(event, Answer):
                self._record(event)
            yield event

    def _record(self, answer: Answer) -> None:
        self.on_answer(answer)
        self.tracing.record_answer(answer)

    def _timings_since(self, started: float, first_token: float | None = None) -> Timings:
        """Timings of a caller who used the cache or another caller's flight: no search, no queue."""
        return Timings(
            retrieve=0.0,
            queue=0.0,
            first_token=None if first_token is None else max(first_token - started, 0.0) * 1000,
            total=(self.clock() - started) * 1000,
        )
