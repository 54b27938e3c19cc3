"""Circuit breaker for a failing backend (Nygard, Release It!)."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

Failures = type[Exception] | tuple[type[Exception], ...]
Refusal = Callable[[str, int], Exception]  # of the last failure and the seconds until the next try


class State(StrEnum):
    CLOSED = "closed"  # all calls go through
    OPEN = "open"  # no call goes through
    HALF_OPEN = "half-open"  # one call goes through, as a probe


class CircuitBreaker:
    """Opens after `failures` in a row, for `pause` seconds.

    Our own, because it guards streams as well as calls, counts a cancelled one neither way, and lets a
    single call through when half open.
    """

    def __init__(
        self, failures: int = 5, pause: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.pause = pause
        self._limit = failures
        self._clock = clock
        self._failed = 0  # in a row
        self._last: Exception | None = None  # detail of the last failure
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
        return max(self._opened + self.pause - self._clock(), 0.0) if self._failed >= self._limit else 0.0

    @contextmanager
    def call(self, failures: Failures, refusal: Refusal) -> Iterator[None]:
        """Count how the block ends: `failures` are the backend's fault; a cancellation does not count.

        Raises what `refusal` returns while no call goes through.
        """
        probe = self._admit(refusal)
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
    def lookup(self, failures: Failures, refusal: Refusal) -> Iterator[None]:
        """As `call`, for what may come from a cache or does not take the backend's real work: its success
        proves nothing, so it never closes the breaker and is no probe."""
        if self.state is State.OPEN:
            raise self._refused(refusal)
        try:
            yield
        except failures as error:
            self.failed(error)
            raise

    def succeeded(self) -> None:
        self._failed = 0

    def failed(self, error: Exception) -> None:
        if error is self._last:
            return  # callers who shared one request get the same exception: it failed once
        self._last = error
        self._failed = min(self._failed + 1, self._limit)
        if self._failed == self._limit:
            self._opened = self._clock()

    def _refused(self, refusal: Refusal) -> Exception:
        return refusal(str(self._last), max(1, math.ceil(self.pause_left)))

    def _admit(self, refusal: Refusal) -> bool:
        """Whether the call is the probe of a half-open breaker."""
        state = self.state
        if state is State.CLOSED:
            return False
        if state is State.OPEN or self._probing:
            raise self._refused(refusal)
        self._probing = True
        return True


def advice(backend: str, last: str, seconds: int) -> str:
    """Detail of a refusal; the last failure's detail may say what to do."""
    return f"{last}; {backend} failed several times in a row, askd tries it again in {seconds} seconds"
