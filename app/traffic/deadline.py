"""Until when an answer is wanted: one absolute deadline from request to last byte."""

import asyncio
import math
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType

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

    def limit(self, what: str) -> AbstractAsyncContextManager[None]:
        """Cancels the block at the deadline. Raises DeadlineExceeded then."""
        return nullcontext() if self.at == math.inf else _Limit(self, what)

    def exceeded(self, what: str) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"{what} took longer than the {self.seconds:g} seconds this request may take; "
            "raise X-Request-Timeout, or use mode extract"
        )


class _Limit(AbstractAsyncContextManager[None]):
    def __init__(self, deadline: Deadline, what: str) -> None:
        self._deadline = deadline
        self._what = what
        self._timeout = asyncio.timeout(deadline.left)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise self._deadline.exceeded(self._what) from late


NEVER = Deadline(math.inf, math.inf)
