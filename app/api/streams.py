"""Work that ends when the caller hangs up, as JSON and as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeVar, cast

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import ShuttingDown
from app.traffic.draining import Draining, stopping

T = TypeVar("T")
_HEARTBEAT = 15.0  # seconds of silence after which a comment keeps idle proxies from cutting the stream


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T], draining: Draining) -> T:
    """The work's result; it is cancelled as soon as the caller hangs up, or the service has to stop.

    Starlette cancels nothing by itself while a route is still working on its response. Raises
    ClientDisconnect, ShuttingDown, or what the work raises.
    """
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    left = over = False

    def leave(_: object) -> None:
        nonlocal left
        if not over:  # a callback that is about to be called cannot be taken back
            left = True
            task.cancel()

    gone = asyncio.ensure_future(_hangs_up(receive))
    gone.add_done_callback(leave)
    try:
        with draining.breaking_off(task):
            return await work
    except asyncio.CancelledError:
        # As asyncio.timeout does it: a cancellation of somebody else's goes on.
        if not (left or draining.over) or task.uncancel():
            raise
        raise (ClientDisconnect() if left else stopping()) from None
    finally:
        over = True
        gone.cancel()


async def _hangs_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Event(NamedTuple):
    """A server-sent event with JSON data."""

    name: str
    data: Any

    def encoded(self, number: int) -> bytes:
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, self.name.encode(), orjson.dumps(self.data))


class EventStream(Response):
    """Sends events as they come, numbered; closes what they are read from at the end and when the caller
    hangs up."""

    media_type = "text/event-stream"

    def __init__(
        self,
        source: AsyncExitStack,
        events: AsyncIterator[Event],
        draining: Draining,
        last_words: Event,
    ) -> None:
        """`last_words` are the event that ends the stream when the service has to stop."""
        # no-cache, and no buffering in nginx: a token is worth reading when it comes
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._source = source
        self._events = events
        self._begun = False
        self._sent = 0  # events
        self._draining = draining
        self._last_words = last_words
        self._last = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._state = scope["state"]
        async with self._source:
            try:
                await unless_gone(receive, self._send(send), self._draining)
            except ClientDisconnect:
                scope["state"]["left"] = True
            except ShuttingDown:
                if not self._begun:
                    raise
                await self._tell(send, self._last_words, more=False)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._begun = True
        heartbeat = asyncio.ensure_future(self._beat(send))
        try:
            async for event in self._events:
                await self._tell(send, event)
                self._last = time.monotonic()
        finally:
            heartbeat.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send, event: Event, *, more: bool = True) -> None:
        self._sent += 1
        if event.name == "error":
            self._state["problem"] = event.data["type"]
        await send({"type": "http.response.body", "body": event.encoded(self._sent), "more_body": more})

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            if time.monotonic() - self._last >= _HEARTBEAT:
                await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
