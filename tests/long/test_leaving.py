"""Callers who hang up at any moment: the slot is free at once, nothing is written for them, nothing leaks.

ASKD_TEST_HANGUPS says how many, ASKD_TEST_SEED which; `scripts/soak` raises the former.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random

import numpy as np
import pytest

from tests.live.serving import Service, events, serving, settings_of
from tests.long.access_log import AccessLog, access_log
from tests.long.echo import Echo, mark_of
from tests.long.footprint import Footprint, left_behind
from tests.support.lag import Lag, watched_lag
from tests.support.sizes import HANG_UPS, SEED
from tools.bench.serving.load import Caller, Reply
from tools.bench.serving.stubs import MODEL, Pace, Stubs, open_stubs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60 + HANG_UPS)]

FREE_WITHIN = 0.5  # seconds
IN_VAIN = 0.1  # after so many seconds nothing more is begun for who left
PACE = Pace(search=0.03, first_token=0.06, interval=0.01, tokens=16, slots=2)
GUESTS = 8  # at once, for two slots: most of them wait
PATHS = ["/ask", "/ask/stream"]
MOMENTS = ["retrieving", "queued", "prefill", "decoding"]
_STAYS, _SHARES, _RESETS = 0.25, 0.2, 0.5  # shares of the guests


@dataclass
class House:
    """The service, those who ask it, and what is known of them."""

    service: Service
    stubs: Stubs
    model: Echo
    log: AccessLog
    lag: Lag
    chance: Random
    numbers: "count[int]" = field(default_factory=count)
    present: Counter[str] = field(default_factory=Counter)  # how many are there with a question, by its mark
    left: Counter[tuple[str, str]] = field(default_factory=Counter)  # by path and moment
    left_at: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # the last one, by mark
    stayed: int = 0
    free_after: list[float] = field(default_factory=list)

    @property
    def upstream(self) -> list[str]:
        return [self.stubs.elasticsearch_url, self.stubs.ollama_url]

    async def guests(self, hang_ups: int, kinds: int = 0) -> None:
        """Come and go until so many have hung up, in so many ways."""
        self.left.clear()
        async with asyncio.TaskGroup() as group:
            for _ in range(GUESTS):
                group.create_task(self._guest(hang_ups, kinds))

    async def _guest(self, hang_ups: int, kinds: int) -> None:
        while self.left.total() < hang_ups or len(self.left) < kinds:
            await self._visit()

    async def _visit(self) -> None:
        number, chance = next(self.numbers), self.chance
        there = [mark for mark in self.present if self.present[mark]]
        mark = chance.choice(there) if there and chance.random() < _SHARES else mark_of(number)
        path = chance.choice(PATHS)
        body = {"question": f"{self.stubs.question} {mark}", "mode": chance.choice(["auto", "generate"])}
        moment = None if chance.random() < _STAYS else chance.choice(MOMENTS)
        done = self.log.done_with(f"guest-{number}")
        caller = Caller(str(self.service.client.base_url))
        self.present[mark] += 1
        self.left_at.pop(mark, None)
        await caller.connect()
        asked_at = time.monotonic()
        reply = asyncio.ensure_future(caller.post(path, body, headers=f"x-request-id: guest-{number}\r\n"))
        wait = asyncio.ensure_future(self._until(moment, mark))
        await asyncio.wait({reply, wait}, return_when=asyncio.FIRST_COMPLETED)
        if reply.done():
            wait.cancel()
            self._check(reply.result(), path, mark)
            await done
            self.present[mark] -= 1
        else:
            moment = self._moment(mark, asked_at)
            await self._leaves(caller, moment, mark, done)
            self.left[path, moment] += 1
            await reply
        caller.close()

    async def _until(self, moment: str | None, mark: str) -> None:
        """Some time during that moment; for ever, for who stays."""
        chance = self.chance
        if moment in ("prefill", "decoding"):
            await self.model.written[mark].begun.wait()
        match moment:
            case "retrieving":
                await asyncio.sleep(chance.uniform(0, PACE.search))
            case "queued":
                await asyncio.sleep(PACE.search + chance.uniform(0.005, 0.2))
            case "prefill":
                await asyncio.sleep(chance.uniform(0, PACE.first_token))
            case "decoding":
                await asyncio.sleep(chance.uniform(PACE.first_token, PACE.generation))
            case _:
                await asyncio.Event().wait()

    def _moment(self, mark: str, asked_at: float) -> str:
        """What it really is by now."""
        now = time.monotonic()
        if running := self.model.written[mark].running:
            return "prefill" if now < running.began + PACE.first_token else "decoding"
        return "retrieving" if now < asked_at + PACE.search else "queued"

    def _check(self, reply: Reply, path: str, mark: str) -> None:
        """Who stays gets an answer, and their own."""
        assert reply.whole, reply
        said = self.model.answer_to(mark)
        if path == "/ask":
            assert f'"answer":"{said} ['.encode() in reply.body
        else:
            name, data = events(reply.body.decode())[-1]
            assert name == "done"
            assert data["answer"].startswith(f"{said} [")
        self.stayed += 1

    async def _leaves(self, caller: Caller, moment: str, mark: str, done: asyncio.Future[float]) -> None:
        written, left_at = self.model.written[mark], time.monotonic()
        # A reset may overtake the request itself, if nobody has read that yet.
        caller.close(reset=moment in ("prefill", "decoding") and self.chance.random() < _RESETS)
        async with asyncio.timeout(20 * FREE_WITHIN):
            gone_at = await done
            self.present[mark] -= 1
            if not self.present[mark]:  # the last of those who asked this
                self.left_at[mark] = left_at
                await written.idle.wait()
                gone_at = max([gone_at, *[each.ended or 0.0 for each in written.writings]])
        admission = self.service.assistant.pipeline.admission
        assert admission.serving + admission.waiting <= self.present.total()
        self.free_after.append(max(gone_at - left_at - self.lag.since(left_at), 0.0))

    def begun_in_vain(self) -> list[float]:
        """How long after the last of those who wanted it had left; in seconds."""
        return [
            writing.began - left_at
            for mark, left_at in self.left_at.items()
            for writing in self.model.written[mark].writings
            if writing.began > left_at
        ]


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    async with open_stubs(Echo) as stubs, watched_lag() as lag:
        stubs.begin(PACE)
        chosen = {
            "elasticsearch_url": stubs.elasticsearch_url,
            "ollama_url": stubs.ollama_url,
            "model": MODEL,
            "slots": PACE.slots,
        }
        assert isinstance(stubs.ollama, Echo)
        with access_log() as log:
            async with serving(settings_of(chosen)) as service:
                yield House(service, stubs, stubs.ollama, log, lag, Random(SEED))


async def test_a_slot_is_free_as_soon_as_its_caller_has_left() -> None:
    async with house():
        pass  # what is opened once and for all is open now
    outside = await Footprint.settled()
    async with house() as at:
        await at.guests(2 * GUESTS)  # from here on nothing is done for the first time
        assert nothing_runs(at)
        inside = await Footprint.settled(at.upstream)
        at.stubs.begin(PACE)
        at.free_after.clear()
        await at.guests(HANG_UPS, kinds=len(PATHS) * len(MOMENTS))
        assert await left_behind(inside, at.upstream) == ([], 0)
        assert nothing_runs(at)
        counts = at.stubs.ollama.counts
    assert await left_behind(outside) == ([], 0)

    print(f"seed {SEED}: {at.left.total()} hung up, {at.stayed} stayed and were answered")
    print("  " + ", ".join(f"{path} {moment} {n}" for (path, moment), n in sorted(at.left.items())))
    p50, p99, most = 1000 * np.quantile(at.free_after, (0.5, 0.99, 1))
    print(f"  the slot was free after {p50:.1f} / {p99:.1f} / {most:.1f} ms (p50 / p99 / most)")
    print(f"  {counts.begun} generations begun, {counts.finished} finished, {counts.left} broken off")
    print(f"  the event loop was late by {1000 * at.lag.worst:.0f} ms at most")
    assert max(at.free_after) <= FREE_WITHIN
    assert max(at.begun_in_vain(), default=0.0) <= IN_VAIN + at.lag.worst
    assert counts.begun == counts.finished + counts.left


def nothing_runs(at: House) -> bool:
    assistant = at.service.assistant
    admission = assistant.pipeline.admission
    return (admission.waiting, admission.serving, len(assistant.flights)) == (0, 0, 0)
