"""The end of the service: what runs may finish within its grace, what has not by then is broken off."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.errors import ShuttingDown


class Draining:
    def __init__(self) -> None:
        self.begun = False
        self.over = False
        self._running: set[asyncio.Task[Any]] = set()
        self._ended = asyncio.Event()

    @contextmanager
    def breaking_off(self, work: asyncio.Task[Any]) -> Iterator[None]:
        """Have the block cancelled when the grace is over."""
        self._running.add(work)
        if self.over:
            work.cancel()
        try:
            yield
        finally:
            self._running.discard(work)
            self._look()

    def check(self) -> None:
        """For what is new. Raises ShuttingDown."""
        if self.begun:
            raise stopping()

    def begin(self, grace: float) -> None:
        """Nothing new is wanted; in `grace` seconds all is over."""
        self.begun = True
        asyncio.get_running_loop().call_later(grace, self._break_off)
        self._look()

    async def ended(self) -> None:
        """Returns once nothing runs any more."""
        await self._ended.wait()

    def _look(self) -> None:
        if self.begun and (self.over or not self._running):
            self._ended.set()

    def _break_off(self) -> None:
        self.over = True
        for work in list(self._running):
            work.cancel()
        self._look()


def stopping() -> ShuttingDown:
    return ShuttingDown("askd is stopping and could not finish the answer; ask again", retry_after=5)
