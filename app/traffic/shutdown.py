"""Graceful shutdown: running requests have a grace period to finish; the others end with an error."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from app.errors import ShuttingDown


class GracefulShutdown:
    def __init__(self) -> None:
        self.begun = False
        self.over = False  # the grace period has ended
        self._requests = 0
        self._interruptible: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()

    def check(self) -> None:
        """For new requests. Raises ShuttingDown."""
        if self.begun:
            raise _shutting_down()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts a request that shutdown waits for."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            self._note()

    @asynccontextmanager
    async def interrupting(self) -> AsyncIterator[None]:
        """Cancels the block when the grace period ends. Raises ShuttingDown then."""
        if self.over:
            raise _shutting_down()
        try:
            async with asyncio.timeout(None) as interruption:
                self._interruptible.add(interruption)
                try:
                    yield
                finally:
                    self._interruptible.discard(interruption)
        except TimeoutError:
            if interruption.expired():
                raise _shutting_down() from None
            raise

    def begin(self, grace: float) -> None:
        """Refuse new requests; in `grace` seconds interrupt what still runs."""
        self.begun = True
        asyncio.get_running_loop().call_later(grace, self._interrupt)
        self._note()

    async def idle(self) -> None:
        """Returns once it has begun and no request runs any more, or the grace period is over."""
        await self._idle.wait()

    def _note(self) -> None:
        if self.begun and (self.over or not self._requests):
            self._idle.set()

    def _interrupt(self) -> None:
        self.over = True
        for interruption in list(self._interruptible):
            expire(interruption)
        self._note()


def expire(timeout: asyncio.Timeout) -> None:
    """End the block of the timeout now."""
    with suppress(RuntimeError):  # it has just ended by itself
        timeout.reschedule(asyncio.get_running_loop().time())


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("askd is stopping and could not finish the answer; ask again", retry_after=5)
