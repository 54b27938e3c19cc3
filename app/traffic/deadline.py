"""Running out of time: the absolute deadline of a request, from its arrival to the last byte of its answer,
and the timeouts of a model."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from app.errors import DeadlineExceeded, ModelTimeout

T = TypeVar("T")


class TimeLeft(Protocol):
    """A deadline, or the latest of several that may change."""

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    at: float  # on the clock of the event loop
    seconds: float  # how far away it was at first

    @classmethod
    def after(cls, seconds: float, since: float | None = None) -> "Deadline":
        """From now, or from `since` on the clock of the event loop, within which it has to be called."""
        started = asyncio.get_running_loop().time() if since is None else since
        return cls(started + seconds, seconds)

    @property
    def left(self) -> float:
        """Seconds; negative once it has passed."""
        return math.inf if self.at == math.inf else self.at - asyncio.get_running_loop().time()

    @asynccontextmanager
    async def limit(self, what: str) -> AsyncIterator[None]:
        """Cancel the block at the deadline. Raises DeadlineExceeded then."""
        timeout = asyncio.timeout_at(None if self.at == math.inf else self.at)
        try:
            async with timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():  # a timeout of the block's own
                raise
            raise self.exceeded(what) from error

    def exceeded(self, what: str) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"{what} took longer than the {self.seconds:g} seconds this request may take; "
            "raise X-Request-Timeout, or use mode extract"
        )


NEVER = Deadline(math.inf, math.inf)


@asynccontextmanager
async def model_timeout(seconds: float, what: str) -> AsyncIterator[None]:
    """Cancel the block after `seconds`. Raises ModelTimeout: "`what` within … seconds"."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ModelTimeout(f"{what} within {seconds:g} seconds") from error


class GenerationTimeouts:
    """The timeouts of one generation, in seconds from now: for its first token, then for the whole."""

    def __init__(self, first_token: float, total: float) -> None:
        self._started = asyncio.get_running_loop().time()
        self._first_token = min(first_token, total)
        self._total = total
        self.began = False  # set it once the first token has come

    @property
    def waited(self) -> float:
        """Seconds since the generation was asked for."""
        return asyncio.get_running_loop().time() - self._started

    async def next(self, parts: AsyncIterator[T]) -> T | None:
        """The next part; None at the end. Raises ModelTimeout.

        Around each part and not around the whole: the time that its reader takes must not be cancelled.
        """
        seconds = self._total if self.began else self._first_token
        try:
            async with asyncio.timeout_at(self._started + seconds):
                return await anext(parts, None)
        except TimeoutError as error:
            what = "finish its answer" if self.began else "begin to answer"
            raise ModelTimeout(f"the model did not {what} within {seconds:g} seconds") from error
