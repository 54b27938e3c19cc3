"""A clock that jumps: timing tests take no time, and do not depend on how busy the machine is."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    """Does not wait for events, but moves the clock on to the time until which it should have waited."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time passes only while all tasks wait. Not for tests that use threads or sockets."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


JUMPING: tuple[str, Mapping[str, Any]] = "asyncio", {"loop_factory": JumpingLoop}  # for `anyio_backend`


def loop_time() -> float:
    """The running loop's clock, to inject."""
    return asyncio.get_running_loop().time()
