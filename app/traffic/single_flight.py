"""Single flight: callers who ask the same at the same time share one run of the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Generic, Self, TypeAlias, TypeVar

from app.traffic.deadline import Deadline

Item = TypeVar("Item")
Kind = TypeVar("Kind")
Work: TypeAlias = "Callable[[Flight[Item]], Awaitable[None]]"


class Flight(Generic[Item]):
    """One run of the work, in a task of its own; the work publishes its items, which must be few.

    All items are stored until the end: a slow follower does not block the others, a late one misses nothing.
    The task is cancelled when the last follower leaves.
    """

    def __init__(self, work: "Work[Item]") -> None:
        self.items: list[Item] = []
        self.news = asyncio.Event()  # set, and replaced, when there is another item or the end
        self._followers: set[Follower[Item]] = set()
        self._task = asyncio.ensure_future(self._run(work))
        self._task.add_done_callback(self._ended)

    def publish(self, item: Item) -> None:
        self.items.append(item)
        self._tell()

    @property
    def left(self) -> float:
        """Seconds until the latest deadline of those who follow now."""
        return max((follower.deadline.left for follower in self._followers), default=0.0)

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def joinable(self) -> bool:
        """Whether another caller can follow it: it runs, and not all followers have left."""
        return not self._task.done() and not self._task.cancelling()

    def result(self) -> None:
        """Raises what the work raised; it must have ended."""
        self._task.result()

    def on_end(self, call: Callable[[], object]) -> None:
        self._task.add_done_callback(lambda _: call())

    @asynccontextmanager
    async def follow(self, deadline: Deadline) -> AsyncIterator["Follower[Item]"]:
        """Read the items, from the first on; leaving the block leaves the flight."""
        follower = Follower(self, deadline)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.remove(follower)
            if not self._followers and not self._task.done():
                self._task.cancel()
                await asyncio.wait({self._task})

    async def _run(self, work: "Work[Item]") -> None:
        await work(self)

    def _tell(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # retrieved: asyncio would log an error that no follower was left to get
        self._tell()


class Follower(Generic[Item]):
    """One caller's way through the items of a flight, until its own deadline."""

    def __init__(self, flight: Flight[Item], deadline: Deadline) -> None:
        self.deadline = deadline
        self._flight = flight
        self._next = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        """Raises what the work raises, DeadlineExceeded, or StopAsyncIteration at the end."""
        if not self._has_next:
            what = "the answer" if self._next else "the search"
            async with self.deadline.limit(what):
                await self._arrival()
        if not self._has_next:
            raise StopAsyncIteration
        item = self._flight.items[self._next]
        self._next += 1
        return item

    async def peek(self, seconds: float) -> None:
        """Wait for the next item, but no longer than that. Raises as `__anext__` does meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self.deadline.limit("the answer"):
                await self._arrival()

    def ready(self, kind: type[Kind]) -> list[Kind]:
        """The next items, if they are of this kind and have arrived already; does not wait."""
        found: list[Kind] = []
        while self._has_next and isinstance(item := self._flight.items[self._next], kind):
            found.append(item)
            self._next += 1
        return found

    @property
    def _has_next(self) -> bool:
        return self._next < len(self._flight.items)

    async def _arrival(self) -> None:
        while not self._has_next:
            if self._flight.ended:
                self._flight.result()
                return
            await self._flight.news.wait()


class SingleFlight(Generic[Item]):
    """The flights under way, by what they are about."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight[Item]] = {}

    def join(self, key: Hashable, work: "Work[Item]") -> tuple[Flight[Item], bool]:
        """The flight with this key, and whether another caller began it. The caller has to follow it."""
        flight = self._flights.get(key)
        if flight is not None and flight.joinable:
            return flight, True
        flight = self._flights[key] = Flight(work)
        flight.on_end(lambda: self._forget(key, flight))
        return flight, False

    def __len__(self) -> int:
        return len(self._flights)

    def _forget(self, key: Hashable, flight: Flight[Item]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
