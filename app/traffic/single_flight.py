"""Work that several callers follow, and that ends early when the last of them leaves."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from typing import Generic, TypeVar

from app.traffic.deadline import Deadline

Item = TypeVar("Item")


class SharedRun(Generic[Item]):
    """Reads `items` at their own pace and keeps them: a slow follower holds up nobody, a late one misses
    nothing. So `items` must be few."""

    def __init__(self, items: AsyncGenerator[Item]) -> None:
        self._kept: list[Item] = []
        self._followers: dict[_Follower, None] = {}
        self._task = asyncio.create_task(self._read(items))
        self._task.add_done_callback(self._ended)

    async def follow(
        self, deadline: Deadline, what: str, *, to_the_end: bool = False
    ) -> AsyncGenerator[Item]:
        """All items from the first on; leaving stops the work unless others follow it.

        With `to_the_end` none comes before the last is there, or the time is up, which is cheaper. Raises
        what the work raises, or DeadlineExceeded.
        """
        follower = _Follower(to_the_end, deadline)
        self._followers[follower] = None
        try:
            at = 0
            while True:
                given = not to_the_end or self._task.done() or follower.expired
                if given and at < len(self._kept):
                    yield self._kept[at]
                    at += 1
                elif self._task.done():
                    self._task.result()
                    return
                elif follower.expired:
                    raise deadline.exceeded(what)
                else:
                    await follower.news()
        finally:
            follower.close()
            del self._followers[follower]
            if not self._followers and not self._task.done():
                self._task.cancel()
                await asyncio.wait({self._task})

    @property
    def over(self) -> bool:
        """Whether nobody can join it any more: it has ended, or its last follower has left."""
        return self._task.done() or self._task.cancelling() > 0

    def on_end(self, call: Callable[[], object]) -> None:
        self._task.add_done_callback(lambda _: call())

    async def _read(self, items: AsyncGenerator[Item]) -> None:
        async with aclosing(items):
            async for item in items:
                self._kept.append(item)
                for follower in self._followers:
                    if not follower.to_the_end:
                        follower.wake()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # seen: asyncio would complain of one that nobody was left to be told
        for follower in self._followers:
            follower.wake()


class _Follower:
    def __init__(self, to_the_end: bool, deadline: Deadline) -> None:
        self.to_the_end = to_the_end
        self.expired = False
        self._waiting: asyncio.Future[None] | None = None
        # One timer, not one for each item, and it cancels nothing.
        self._timer = (
            None
            if deadline.at == math.inf
            else asyncio.get_running_loop().call_later(max(deadline.left, 0.0), self._expire)
        )

    async def news(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        self.wake()


class SharedRuns(Generic[Item]):
    """The runs in flight, by what they are about."""

    def __init__(self) -> None:
        self._runs: dict[Hashable, SharedRun[Item]] = {}

    def __contains__(self, key: Hashable) -> bool:
        run = self._runs.get(key)
        return run is not None and not run.over

    def join(self, key: Hashable, begin: Callable[[], AsyncGenerator[Item]]) -> tuple[SharedRun[Item], bool]:
        """The run of this key and whether it was begun by this call. The caller has to follow it."""
        run = self._runs.get(key)
        if run is not None and not run.over:
            return run, False
        run = self._runs[key] = SharedRun(begin())
        run.on_end(lambda: self._forget(key, run))
        return run, True

    def __len__(self) -> int:
        return len(self._runs)

    def _forget(self, key: Hashable, run: SharedRun[Item]) -> None:
        if self._runs.get(key) is run:
            del self._runs[key]
