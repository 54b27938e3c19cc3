"""One absolute deadline for each request, from its arrival to the last byte of its answer."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from app.errors import DeadlineExceeded


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
    def after(cls, seconds: float) -> "Deadline":
        """Has to be called within the event loop."""
        return cls(asyncio.get_running_loop().time() + seconds, seconds)

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
