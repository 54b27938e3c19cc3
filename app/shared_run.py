"""Work that several callers follow, and that ends early when the last of them leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from typing import Generic, TypeVar

from app.deadline import Deadline

Item = TypeVar("Item")


class SharedRun(Generic[Item]):
    """Reads `items` at their own pace and keeps them: a slow follower holds up nobody, a late one misses
    nothing. So `items` must be few."""

    def __init__(self, items: AsyncGenerator[Item]) -> None:
        self._kept: list[Item] = []
        self._followers = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._task = asyncio.create_task(self._read(items))
        self._task.add_done_callback(self._ended)

    async def follow(self, deadline: Deadline, what: str) -> AsyncGenerator[Item]:
        """All items from the first on; leaving stops the work unless others follow it.

        Raises what the work raises, or DeadlineExceeded.
        """
        self._followers += 1
        try:
            at = 0
            while True:
                while at < len(self._kept):
                    yield self._kept[at]
                    at += 1
                if self._task.done():
                    self._task.result()
                    return
                news = asyncio.get_running_loop().create_future()
                self._waiting.append(news)
                async with deadline.limit(what):
                    await news
        finally:
            self._followers -= 1
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
                self._wake()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # seen: asyncio would complain of one that nobody was left to be told
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            if not news.done():
                news.set_result(None)


class SharedRuns(Generic[Item]):
    """The runs in flight, by what they are about."""

    def __init__(self) -> None:
        self._runs: dict[Hashable, SharedRun[Item]] = {}

    def join(self, key: Hashable, begin: Callable[[], AsyncGenerator[Item]]) -> tuple[SharedRun[Item], bool]:
        """The run of this key and whether it was begun by this call. The caller has to follow it."""
        run = self._runs.get(key)
        if run is not None and not run.over:
            return run, False
        run = self._runs[key] = SharedRun(begin())
        run.on_end(lambda: self._forget(key, run))
        return run, True

    def _forget(self, key: Hashable, run: SharedRun[Item]) -> None:
        if self._runs.get(key) is run:
            del self._runs[key]
