"""How late the event loop is, because the machine has much else to do: what no service can make up for."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_PERIOD = 0.005  # seconds
_KEPT = 10_000  # looks: those of the last minute
_LATE = 0.01  # seconds; less is the timer's own inaccuracy


class Lag:
    def __init__(self) -> None:
        self._looks: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._due = math.inf  # the next look
        self.worst = 0.0

    def since(self, began: float) -> float:
        """The worst since then, by time.monotonic(); in seconds."""
        worst = max(time.monotonic() - self._due, 0.0)
        for at, late in reversed(self._looks):
            if at < began:
                break
            worst = max(worst, late)
        return worst

    def total_since(self, began: float) -> float:
        """All of it since then: what happens in several steps may be held up in each. In seconds."""
        total = max(time.monotonic() - self._due, 0.0)
        for at, late in reversed(self._looks):
            if at < began:
                break
            total += late if late > _LATE else 0.0
        return total

    async def watch(self) -> None:
        while True:
            due = self._due = time.monotonic() + _PERIOD
            await asyncio.sleep(_PERIOD)
            now = time.monotonic()
            self._looks.append((now, now - due))
            self.worst = max(self.worst, now - due)


@asynccontextmanager
async def watched_lag() -> AsyncIterator[Lag]:
    lag = Lag()
    watching = asyncio.ensure_future(lag.watch())
    await asyncio.sleep(0)  # until it looks: what then never lets go of the loop is seen too
    try:
        yield lag
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def check_loop_runs_on(work: Callable[[], Awaitable[object]]) -> None:
    """While the work is done; the best of three counts, for the machine may be busy."""
    for _ in range(3):
        async with watched_lag() as lag:
            began = time.monotonic()
            await work()
            allowed = max((time.monotonic() - began) / 2, 0.3)
            held_up = lag.since(began)
        if held_up < allowed:
            break
    assert held_up < allowed
