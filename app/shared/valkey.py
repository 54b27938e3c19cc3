"""Valkey, or Redis, as the place of what replicas share: always for a limited time, and never waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from valkey.asyncio import Valkey as Client
from valkey.asyncio.connection import ConnectionPool
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import (
    AuthenticationError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ValkeyError,
)
from valkey.exceptions import ConnectionError as ValkeyConnectionError
from valkey.exceptions import TimeoutError as ValkeyTimeout

from app.shared.base import SILENT, Given, Need, Unavailable
from app.traffic.circuit_breaker import CircuitBreaker

_T = TypeVar("_T")

_TIMEOUT = 0.05  # seconds for one call: two that fail in a row open the circuit breaker
_TLS_TIMEOUT = 0.1  # seconds to connect with TLS, which takes three round trips
_FAILURES = 2
_PAUSE = 1.0  # seconds
# The last three: what the client raises for replies that are not in the protocol, and for bad JSON.
_TROUBLE = (ValkeyError, OSError, TimeoutError, StorageError, ValueError, TypeError, LookupError)
_LEDGER = "askd:slots:1"  # the number: of the form of its messages


class Valkey:
    """A `SlotLedger`, a store of bytes and a rate limiter, on one pool of connections with a circuit breaker.

    A request loses at most two timeouts: once the breaker is open, only the messages to the ledger, for which
    nobody waits then, find out whether the server is back.
    """

    def __init__(self, url: str, password: str | None, ledger: str = "") -> None:
        """Connects at the first call. `ledger`: those with the same share the slots of their servers."""
        self._ledger = f"{_LEDGER}:{ledger}"
        self.breaker = CircuitBreaker(_FAILURES, _PAUSE)
        self._pool = ConnectionPool.from_url(
            url,
            password=password,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TLS_TIMEOUT if url.startswith("valkeys:") else _TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            client_name="askd",
        )
        self._calls: set[asyncio.Future[Any]] = set()  # under way
        self._client = Client(connection_pool=self._pool)
        self._script = self._client.register_script(Path(__file__).with_name("ledger.lua").read_text())
        storage = RedisStorage(
            f"async+{url}", connection_pool=cast(Any, self._pool), key_prefix="askd:limits"
        )
        self._limiter = MovingWindowRateLimiter(storage)

    async def close(self) -> None:
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._client.aclose()
        await self._pool.aclose()

    # --- the ledger of slots ---

    async def tell(self, replica: str, need: Need) -> Given:
        """Raises Unavailable."""

        async def told() -> Given:
            answer = await self._script([self._ledger], [replica, need.model_dump_json(), SILENT])
            return Given.model_validate_json(answer)

        with self.breaker.call(Unavailable, _refused):
            return await self._called(told)

    async def leave(self, replica: str) -> None:
        """Raises Unavailable."""
        await self._lookup(lambda: cast(Awaitable[int], self._client.hdel(self._ledger, replica)))

    # --- for requests ---

    async def read(self, key: str) -> bytes | None:
        """Raises Unavailable."""
        return await self._lookup(lambda: self._client.get(key))

    async def write(self, key: str, value: bytes, seconds: float) -> None:
        """Raises Unavailable."""
        await self._lookup(lambda: self._client.set(key, value, px=max(int(seconds * 1000), 1)))

    async def hit(self, limit: RateLimitItem, key: str) -> bool:
        """Whether there is room under the limit. Raises Unavailable."""
        return await self._lookup(lambda: self._limiter.hit(limit, key))

    async def free_at(self, limit: RateLimitItem, key: str) -> float:
        """When there is room again, in seconds of `time.time()`. Raises Unavailable."""
        return (await self._lookup(lambda: self._limiter.get_window_stats(limit, key))).reset_time

    async def _lookup(self, call: Callable[[], Awaitable[_T]]) -> _T:
        with self.breaker.lookup(Unavailable, _refused):
            return await self._called(call)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved: who asked may have left

    async def _called(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """In a task of its own, to its end, which is near: the client loses a cancellation now and then, and
        otherwise the connection with it."""
        task = asyncio.ensure_future(call())
        self._calls.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task})
        try:
            return task.result()
        except _TROUBLE as error:
            raise Unavailable(_explained(error)) from error


def _explained(error: Exception) -> str:
    """Never in the server's own words: who knows which server it is."""
    match error:
        case AuthenticationError() | NoPermissionError():
            return "it refuses askd's user or password; see ASKD_SHARED_PASSWORD_FILE"
        case ReadOnlyError() | OutOfMemoryError():
            return "it takes nothing more; see its maxmemory, and that it is no replica"
        case ValkeyConnectionError() | ValkeyTimeout() | OSError():
            return "it does not answer, or not in time"
        case _:
            return "it does not answer as Valkey does"


def _refused(last: str, seconds: int) -> Exception:
    return Unavailable(last)
