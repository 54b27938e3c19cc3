"""Spares a backend that is down, and those who would wait for it."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

Failures = type[Exception] | tuple[type[Exception], ...]
Refused = Callable[[str, int], Exception]


class State(StrEnum):
    CLOSED = "closed"  # all calls go through
    OPEN = "open"  # none does
    HALF_OPEN = "half-open"  # one does, to see


class Breaker:
    """A circuit breaker (Nygard, Release It!): open after so many failures in a row, for `pause` seconds.

    Our own, for it has to guard streams as well as calls, count a cancelled one neither way, and let a single
    one through when half open.
    """

    def __init__(
        self, failures: int = 5, pause: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._failed = 0
        self._last = ""  # what was said of the last failure
        self._opened = -math.inf
        self._probing = False

    @property
    def state(self) -> State:
        if self._failed < self._limit:
            return State.CLOSED
        return State.OPEN if self.pause_left > 0 else State.HALF_OPEN

    @property
    def pause_left(self) -> float:
        """Seconds until a call goes through again."""
        return max(self._opened + self._pause - self._clock(), 0.0) if self._failed >= self._limit else 0.0

    @contextmanager
    def call(self, failures: Failures, refused: Refused) -> Iterator[None]:
        """Counts how the block ends: `failures` are the backend's fault, a cancellation is nobody's.

        Raises what `refused` makes of the last failure and the seconds to wait, when no call goes through.
        """
        probe = self._admitted(refused)
        try:
            yield
        except failures as error:
            self.failed(error)
            raise
        except Exception:
            self.succeeded()  # it answered
            raise
        else:
            self.succeeded()
        finally:
            if probe:
                self._probing = False

    @contextmanager
    def lookup(self, failures: Failures, refused: Refused) -> Iterator[None]:
        """As `call`, for what may come from memory, or without the backend's real work: when it succeeds
        that proves nothing, so it closes nothing and is no probe."""
        if self.state is State.OPEN:
            raise self._refusal(refused)
        try:
            yield
        except failures as error:
            self.failed(error)
            raise

    def succeeded(self) -> None:
        self._failed = 0

    def failed(self, error: Exception) -> None:
        self._last = str(error)
        self._failed = min(self._failed + 1, self._limit)
        if self._failed == self._limit:
            self._opened = self._clock()

    def _refusal(self, refused: Refused) -> Exception:
        return refused(self._last, max(1, math.ceil(self.pause_left)))

    def _admitted(self, refused: Refused) -> bool:
        """Whether the call is the probe of a half-open breaker."""
        state = self.state
        if state is State.CLOSED:
            return False
        if state is State.OPEN or self._probing:
            raise self._refusal(refused)
        self._probing = True
        return True


class RetryBudget:
    """Second tries as long as most first ones succeed, so that they cannot double the load of a backend in
    trouble (as gRPC throttles retries)."""

    _MOST, _GAIN = 10.0, 0.1

    def __init__(self) -> None:
        self._tokens = self._MOST

    def succeeded(self) -> None:
        self._tokens = min(self._tokens + self._GAIN, self._MOST)

    def spend(self) -> bool:
        """Whether there may be a second try."""
        self._tokens = max(self._tokens - 1, 0.0)
        return self._tokens > self._MOST / 2
