"""Elasticsearch and Ollama fail at random: callers get the right answer or problem, in time.

ASKD_TEST_REQUESTS says how many ask, ASKD_TEST_SEED which faults they meet; `scripts/soak` raises the former.
"""

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

import numpy as np
import pytest

from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.models.ollama.model import OllamaModel
from app.traffic.circuit_breaker import CircuitBreaker, State
from tests.live.serving import Chosen, Service, serving, settings_of
from tests.long.access_log import access_log
from tests.long.echo import Echo, mark_of
from tests.long.fault_injection import Schedule, running
from tests.long.faults import OF_INDEX, OF_MODEL
from tests.long.footprint import Footprint, left_behind
from tests.long.verdict import Asked, Judge, Limits, summary
from tests.support.lag import Lag, watched_lag
from tests.support.sizes import REQUESTS, SEED
from tools.bench.serving.load import Caller
from tools.bench.serving.stub_http import Handler
from tools.bench.serving.stubs import MODEL, Pace, Stubs, open_stubs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + REQUESTS / 10)]

CALLERS = 24
PACE = Pace(search=0.002, first_token=0.01, interval=0.001, tokens=12)
CHOSEN: Chosen = {
    "model": MODEL,
    "slots": 8,
    "search_timeout": 0.5,
    "connect_timeout": 0.5,
    "first_token_timeout": 0.5,
    "generate_timeout": 1.5,
    "request_timeout": 3.0,
    "cache_entries": 500,
}
PAUSE = 5.0  # of a breaker, as it is; here it is shorter, or most questions would meet an open breaker
LIMITS = Limits(search=CHOSEN["search_timeout"], generation=CHOSEN["generate_timeout"], pause=0.5, queue=6.0)
RECOVERS = PAUSE + 2.0
_GIVES_UP = 15.0  # seconds: who has heard nothing by then hangs
_AGAIN = 0.1  # share of the questions that were asked before
_LOST, _UNKNOWN, _HURRIED = 0.05, 0.1, 0.3  # shares: an unknown collection, not in the FAQ, X-Request-Timeout
_STUBBORN = 0.05  # share of the callers who ask on while a breaker is open


@dataclass
class Place:
    """The service behind failing servers, and the outcomes so far."""

    service: Service
    stubs: Stubs
    model: Echo
    schedules: list[Schedule]
    lag: Lag
    chance: Random = field(default_factory=lambda: Random(SEED))
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    overtime: list[float] = field(default_factory=list)  # seconds after the deadline, or before it
    numbers: "count[int]" = field(default_factory=count)

    @property
    def breakers(self) -> list[CircuitBreaker]:
        pipeline = self.service.assistant.pipeline
        index, llm = pipeline.retrieval.index, pipeline.writer.llm
        assert isinstance(index, ElasticsearchIndex)
        assert isinstance(llm, OllamaModel)
        return [index.breaker, llm.breaker]

    @contextmanager
    def quick_breakers(self) -> Iterator[None]:
        for breaker in self.breakers:
            assert breaker.pause == PAUSE
            breaker.pause = LIMITS.pause
        yield
        for breaker in self.breakers:
            breaker.pause = PAUSE

    async def asked_by_many(self, requests: int) -> None:
        index, model = self.schedules
        judge = Judge(index, model, self.lag, LIMITS)
        remaining = iter(range(requests))

        async def work() -> None:
            caller = self.caller()
            for _ in remaining:
                if self.chance.random() > _STUBBORN and await self._patience():
                    caller.close()  # askd may close what is idle at any time
                    caller = self.caller()
                await self._ask(caller, judge)
            caller.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(work())

    def caller(self) -> Caller:
        return Caller(str(self.service.client.base_url))

    async def _patience(self) -> bool:
        """Most come again when askd says that it will try again; else hardly any would meet a server."""
        waited = False
        while any(breaker.state is State.OPEN for breaker in self.breakers):
            await asyncio.sleep(0.05)
            waited = True
        return waited

    async def _ask(self, caller: Caller, judge: Judge) -> None:
        asked = self.question()
        hurry = (
            f"x-request-timeout: {asked.deadline:g}\r\n"
            if asked.deadline != CHOSEN["request_timeout"]
            else ""
        )
        headers = f"x-request-id: {asked.request_id}\r\n{hurry}"
        began = time.monotonic()
        reply = await caller.post(asked.path, asked.body, _GIVES_UP, headers)
        try:
            outcome = judge.check(asked, reply, began)
        except (AssertionError, LookupError, ValueError) as error:
            [*_, where] = traceback.extract_tb(error.__traceback__)
            body = reply.body[:300] + b" ... " + reply.body[-1500:] if len(reply.body) > 1800 else reply.body
            self.wrong.append(f"{where.line}: {error!r}: {asked} {replace(reply, body=body)}")
            outcome = "wrong"
        self.outcomes[outcome] += 1
        self.overtime.append(reply.seconds - asked.deadline)

    def question(self) -> Asked:
        chance, number = self.chance, next(self.numbers)
        path = chance.choices(["/ask", "/ask/stream", "/search"], [45, 40, 15])[0]
        mode = chance.choices(["auto", "generate", "extract"], [50, 35, 15])[0]
        known = chance.random() > _UNKNOWN
        mark = mark_of(max(number - chance.randrange(1, 50), 0) if chance.random() < _AGAIN else number)
        text = (
            f"{self.stubs.question} {mark}" if known else f"Which mountain is the highest of moon {number}?"
        )
        body = {"question": text} | ({} if path == "/search" else {"mode": mode})
        if chance.random() < _LOST:
            body["collection"] = "nope"
        elif chance.random() < 0.3:
            body["collection"] = "askd"
        hurried = chance.random() < _HURRIED
        return Asked(
            path,
            body,
            round(chance.uniform(1.0, 3.0), 2) if hurried else CHOSEN["request_timeout"],
            f"caller-{number}",
            known,
            self.model.answer_to(mark),
            self.stubs.best,
        )

    async def answers_again(self) -> float:
        """Seconds until all goes well."""
        began = time.monotonic()
        caller = self.caller()
        async with asyncio.timeout(60):
            while True:
                question = f"{self.stubs.question} {mark_of(next(self.numbers))}"
                reply = await caller.post("/ask", {"question": question, "mode": "generate"})
                if reply.whole:
                    break
                await asyncio.sleep(0.05)
        caller.close()
        return time.monotonic() - began


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    schedules: list[Schedule] = []

    @asynccontextmanager
    async def with_faults(handle: Handler) -> AsyncIterator[str]:
        faults = OF_MODEL if schedules else OF_INDEX
        schedules.append(Schedule(handle, Random(f"{SEED} {len(schedules)}"), faults))
        async with schedules[-1].listening() as url:
            yield url

    async with open_stubs(Echo, with_faults) as stubs, watched_lag() as lag:
        stubs.begin(PACE)
        urls = {"elasticsearch_url": stubs.elasticsearch_url, "ollama_url": stubs.ollama_url}
        assert isinstance(stubs.ollama, Echo)
        with access_log():
            async with serving(settings_of(CHOSEN, urls)) as service:
                yield Place(service, stubs, stubs.ollama, schedules, lag)


async def test_whatever_fails_callers_are_told_in_time_and_correctly() -> None:
    async with place() as at:
        await at.answers_again()  # what is opened once and for all is open now
    outside = await Footprint.settled()
    async with place() as at:
        upstream = [schedule.url for schedule in at.schedules]
        await at.answers_again()
        inside = await Footprint.settled(upstream)
        began = time.monotonic()
        with at.quick_breakers():
            async with running(*at.schedules):
                await at.asked_by_many(REQUESTS)
        seconds = time.monotonic() - began
        counts = [schedule.counts for schedule in at.schedules]
        recovered = await recovery(at)
        assert await left_behind(inside, upstream) == ([], 0)
        admission = at.service.assistant.pipeline.admission
        assert (admission.waiting, admission.serving, len(at.service.assistant.flights)) == (0, 0, 0)
        generations = at.stubs.ollama.counts
        assert generations.begun == generations.finished + generations.left
    assert await left_behind(outside) == ([], 0)

    print(
        f"seed {SEED}: {REQUESTS} requests in {seconds:.0f} s; "
        f"after the faults all was well in {recovered:.1f} s"
    )
    for name, faults in zip(["Elasticsearch", "Ollama"], counts, strict=True):
        print(f"  {name}: " + ", ".join(summary(faults)))
    print("  callers got: " + ", ".join(summary(at.outcomes)))
    latest = np.max(at.overtime)
    print(
        f"  the latest came {1000 * latest:.0f} ms after its deadline, the event loop was late by "
        f"{1000 * at.lag.worst:.0f} ms at most"
    )
    assert not at.wrong, "\n".join([f"{len(at.wrong)} were wrong", *at.wrong[:10]])
    assert recovered <= RECOVERS + at.lag.worst
    assert at.outcomes["generated"] > REQUESTS / 10


async def recovery(at: Place) -> float:
    """Seconds until all is well again, after the worst: both breakers have just opened."""
    caller = at.caller()
    index, model = at.schedules
    async with asyncio.timeout(60):
        # The model first: without an index nothing is asked of it.
        for schedule, breaker in [(model, at.breakers[1]), (index, at.breakers[0])]:
            schedule.only("500")
            while breaker.state is not State.OPEN:
                question = f"{at.stubs.question} {mark_of(next(at.numbers))}"
                await caller.post("/ask", {"question": question, "mode": "generate"})
    caller.close()
    for schedule in at.schedules:
        schedule.pause()
    return await at.answers_again()
