"""Until when an answer is wanted: one absolute deadline from request to last byte."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    at: float  # time.monotonic()
    seconds: float  # how far away it was at first

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds, seconds)

    @property
    def left(self) -> float:
        """Seconds; negative once it has passed."""
        return self.at - time.monotonic()

    @asynccontextmanager
    async def limit(self, what: str) -> AsyncIterator[None]:
        """Cancels the block at the deadline. Raises DeadlineExceeded then."""
        try:
            async with asyncio.timeout(None if self.at == math.inf else self.left):
                yield
        except TimeoutError as error:
            raise self.exceeded(what) from error

    def exceeded(self, what: str) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"{what} took longer than the {self.seconds:g} seconds this request may take; "
            "raise X-Request-Timeout, or use mode extract"
        )


NEVER = Deadline(math.inf, math.inf)
