"""Rate limits that hold over all replicas."""

import time
from collections.abc import Callable
from typing import Protocol

from limits import RateLimitItem

from app.shared.base import Unavailable
from app.shared.keys import Keys
from app.traffic.rate_limit import LocalRateLimiter


class Counts(Protocol):
    async def hit(self, limit: RateLimitItem, key: str) -> bool: ...
    async def free_at(self, limit: RateLimitItem, key: str) -> float: ...


class SharedRateLimiter:
    """A `RateLimiter`. While the counts cannot be reached each replica counts by itself, up to its share."""

    def __init__(self, counts: Counts, keys: Keys, replicas: Callable[[], int]) -> None:
        self._counts = counts
        self._keys = keys
        self._replicas = replicas
        self._own = LocalRateLimiter()

    async def hit(self, limit: RateLimitItem, caller: str) -> float | None:
        key = self._keys.of("caller", caller)
        try:
            return await self._shared_hit(limit, key)
        except Unavailable:
            share = type(limit)(max(1, limit.amount // self._replicas()), limit.multiples, limit.namespace)
            return await self._own.hit(share, caller)

    async def _shared_hit(self, limit: RateLimitItem, key: str) -> float | None:
        """Tried twice: a busy moment must not let more through. Raises Unavailable."""
        try:
            fits = await self._counts.hit(limit, key)
        except Unavailable:
            fits = await self._counts.hit(limit, key)
        return None if fits else await self._counts.free_at(limit, key) - time.time()
