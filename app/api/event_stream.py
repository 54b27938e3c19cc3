"""Server-sent events as the response of a route: sent as they come, and kept alive between them.

FastAPI can stream what a route yields by itself, but passes each event through two more tasks and two more
queues, and always writes the first two apart.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse
from starlette.types import Send

log = logging.getLogger(__name__)
_KEEPALIVE_SECONDS = 15.0  # between comments: a proxy may give up where nothing comes for long
_AHEAD = 2  # events read ahead of the caller: the sources and the first token go out together
_UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the latter for nginx


class EventStream(EventSourceResponse):
    """`events` in the wire format; they are closed when all are sent, or when the caller has left."""

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, headers=_UNBUFFERED)
        self._events = events

    async def stream_response(self, send: Send) -> None:
        arrived: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)  # None: that was all
        pumping = asyncio.create_task(_pump(self._events, arrived))
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            more = True
            while more:
                events = await _next(arrived)
                more = events[-1] is not None
                body = b"".join(event for event in events if event is not None)
                await send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            # Where the caller has left, anyio cancels again and again while this waits: a `finally` in
            # `events` is cut off at its first await. None needs one: the reply is closed by the dependency
            # that opened it (`Flight.follow`), outside of this task.
            pumping.cancel()
            with suppress(asyncio.CancelledError):
                await pumping


async def _pump(events: AsyncGenerator[bytes], arrived: asyncio.Queue[bytes | None]) -> None:
    """In a task of its own: a wait that is given up would end the generator."""
    try:
        async with aclosing(events):
            async for event in events:
                await arrived.put(event)
    except Exception:
        log.exception("unexpected error")
    await arrived.put(None)


async def _next(arrived: asyncio.Queue[bytes | None]) -> list[bytes | None]:
    """All that has arrived, or a comment where nothing does for long."""
    try:
        async with asyncio.timeout(_KEEPALIVE_SECONDS):
            events = [await arrived.get()]
    except TimeoutError:
        return [KEEPALIVE_COMMENT]
    while not arrived.empty():
        events.append(arrived.get_nowait())
    return events
