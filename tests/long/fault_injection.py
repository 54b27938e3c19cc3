"""Servers that fail by a random schedule; which fault was injected when is recorded."""

import asyncio
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import NamedTuple

from tests.long.faults import FAULTS
from tools.bench.serving.stub_http import Connection, Exchange, Handler

REFUSED = "refused"
_KEPT = 5000  # faults remembered
_PHASE = (0.1, 0.8)  # seconds
_SHARE = (0.05, 0.4)  # share of the requests that get a fault
_REFUSED = (0.02, 0.15)  # seconds


class Injected(NamedTuple):
    at: float  # time.monotonic()
    fault: str


class Schedule:
    """When which faults are injected into the answers of one server."""

    def __init__(self, handle: Handler, chance: Random, faults: Collection[str]) -> None:
        self._handle = handle
        self._chance = chance
        self._all = [*faults]
        self._connections: set[_Tracked] = set()
        self.injected: deque[Injected] = deque(maxlen=_KEPT)
        self.counts: Counter[str] = Counter()
        self.share = 0.0  # of the requests that get a fault
        self.faults = self._all
        self.url = ""

    def since(self, began: float) -> set[str]:
        """The faults injected since then."""
        found = set()
        for at, fault in reversed(self.injected):
            if at < began:
                break
            found.add(fault)
        return found

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The port stays taken while nothing listens there."""
        with _bound(0) as reserved:
            self._port = reserved.getsockname()[1]
            self.url = f"http://127.0.0.1:{self._port}"
            await self._listen()
            try:
                yield self.url
            finally:
                self._close()

    async def run(self) -> None:
        """Go through phases until cancelled."""
        chance = self._chance
        try:
            while True:
                await self._phase(chance.choices(["none", "some", "one", REFUSED], [30, 60, 2, 8])[0])
        finally:
            self.pause()

    async def _phase(self, kind: str) -> None:
        chance = self._chance
        seconds = chance.uniform(*_PHASE)
        match kind:
            case "none":
                self.pause()
            case "some":
                self.share, self.faults = chance.uniform(*_SHARE), self._all
            case "one":
                self.only(chance.choice(self._all))
            case _:
                await self.refuse(chance.uniform(*_REFUSED))
        await asyncio.sleep(seconds)

    def pause(self) -> None:
        self.share = 0.0

    def only(self, fault: str) -> None:
        """Every request gets this fault."""
        self.share, self.faults = 1.0, [fault]

    async def refuse(self, seconds: float) -> None:
        self._note(REFUSED)
        self._close()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._note(REFUSED)
            await self._listen()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Tracked(self), sock=_bound(self._port), backlog=1024)

    def _close(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.transport.abort()

    def handle(self, exchange: Exchange) -> None:
        if self._chance.random() < self.share:
            fault = self._chance.choice(self.faults)
            self._note(fault)
            if FAULTS[fault](exchange, self._chance):
                return
        self._handle(exchange)

    def _note(self, fault: str) -> None:
        self.injected.append(Injected(time.monotonic(), fault))
        self.counts[fault] += 1

    def opened(self, connection: "_Tracked") -> None:
        self._connections.add(connection)

    def closed(self, connection: "_Tracked") -> None:
        self._connections.discard(connection)


class _Tracked(Connection):
    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule.handle)
        self._schedule = schedule

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._schedule.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._schedule.closed(self)
        super().connection_lost(exc)


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@asynccontextmanager
async def running(*schedules: Schedule) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(schedule.run()) for schedule in schedules]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
