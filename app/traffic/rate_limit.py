"""How often a caller may ask."""

import time
from typing import Protocol

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter


class RateLimiter(Protocol):
    async def hit(self, limit: RateLimitItem, caller: str) -> float | None:
        """Count a request of the caller. None when there is room for it under the limit, else the seconds
        until there is."""
        ...


class LocalRateLimiter:
    """Counts what comes to this process: a moving window, in memory."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def hit(self, limit: RateLimitItem, caller: str) -> float | None:
        if await self._limiter.hit(limit, caller):
            return None
        return (await self._limiter.get_window_stats(limit, caller)).reset_time - time.time()
