"""How long a model may take, the same for every runtime."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import TracebackType

from app.errors import ModelTimeout
from app.models.base import Chunk


@asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises ModelTimeout when the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ModelTimeout(f"{what} within {seconds:g} seconds") from error


async def in_time(chunks: AsyncGenerator[Chunk], *, first: float, total: float) -> AsyncGenerator[Chunk]:
    """The same chunks; raises ModelTimeout when the first one or the last one is late (in seconds)."""
    started = asyncio.get_running_loop().time()
    alarm, what = _Alarm(), f"begin to answer within {min(first, total):g}"
    alarm.set(started + min(first, total))
    try:
        async with aclosing(chunks):
            begun = False
            while True:
                try:
                    # Around each step, not around the loop: the reader's own time must not be cancelled here.
                    with alarm:
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise ModelTimeout(f"the model did not {what} seconds") from error
                if not begun:
                    begun, what = True, f"finish its answer within {total:g}"
                    alarm.set(started + total)
                yield chunk
    finally:
        alarm.stop()


class _Alarm:
    """As asyncio.timeout, for a time that many steps share: it is set once, not at each of them."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._rang = False
        self._task: asyncio.Task[object] | None = None  # which waits in the block
        self._cancelling = 0

    def set(self, when: float) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_at(when, self._ring)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _ring(self) -> None:
        self._rang = True
        if self._task:
            self._task.cancel()

    def __enter__(self) -> None:
        """Raises TimeoutError when it rang before."""
        if self._rang:
            raise TimeoutError
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task else 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises TimeoutError when it rang in the block; a cancellation of somebody else's goes on."""
        task, self._task = self._task, None
        if self._rang and task and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
