"""Callers: each has a connection of its own, asks, and notes what came when."""

import asyncio
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import orjson

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Reply:
    """Seconds are those since the request went out."""

    status: int = 0  # 0: nothing came, or the connection was lost
    body: bytes = b""
    retry_after: str | None = None
    content_type: str | None = None
    request_id: str | None = None
    headers: float | None = None
    first_token: float | None = None
    seconds: float = 0.0
    timed_out: bool = False

    @property
    def whole(self) -> bool:
        """An answer, to its end."""
        declined = b'"status":"no_answer"' in self.body
        return self.status == 200 and not declined and (self.body[:1] == b"{" or b"event: done" in self.body)


class Caller(asyncio.Protocol):
    """One at a time; the connection is opened when it is needed and kept."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._transport: asyncio.Transport | None = None
        self._reply = Reply()
        self._done: asyncio.Future[None] | None = None

    async def connect(self) -> None:
        if self._transport is None:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self, self._host, self._port)

    async def post(
        self, path: str, body: Mapping[str, Any], timeout: float = 60.0, headers: str = ""
    ) -> Reply:
        """What came; on time-out the connection is closed, as callers do."""
        loop = asyncio.get_running_loop()
        data = orjson.dumps(body)
        head = (
            f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{headers}"
            f"content-length: {len(data)}\r\n\r\n"
        )
        self._reply, self._done = Reply(), loop.create_future()
        self._sent = time.perf_counter()
        await self.connect()
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        if self._transport:
            self._transport.write(head.encode() + data)
        try:
            async with asyncio.timeout(timeout):
                await self._done
        except TimeoutError:
            self._reply.timed_out = True
            self.close()
        self._reply.seconds = time.perf_counter() - self._sent
        self._reply.body = b"".join(self._parts)
        return self._reply

    def close(self, *, reset: bool = False) -> None:
        if self._transport:
            if reset:
                connection = self._transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
            self._transport = None

    # --- asyncio's and httptools' calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._finish(0)

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"retry-after":
                self._reply.retry_after = value.decode()
            case b"content-type":
                self._reply.content_type = value.decode()
            case b"x-request-id":
                self._reply.request_id = value.decode()

    def on_headers_complete(self) -> None:
        self._reply.headers = time.perf_counter() - self._sent

    def on_body(self, body: bytes) -> None:
        if self._reply.first_token is None and b"event: token" in body:
            self._reply.first_token = time.perf_counter() - self._sent
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._finish(self._parser.get_status_code())

    def _finish(self, status: int) -> None:
        if self._done and not self._done.done():
            self._reply.status = status
            self._done.set_result(None)


async def closed_loop(callers: list[Caller], path: str, bodies: list[dict[str, Any]]) -> list[Reply]:
    """All bodies, each by the next caller that is free."""
    pending = iter(bodies)
    replies: list[Reply] = []

    async def work(caller: Caller) -> None:
        for body in pending:
            replies.append(await caller.post(path, body))

    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(work(caller))
    return replies


def close_all(callers: list[Caller]) -> None:
    for caller in callers:
        with suppress(OSError):
            caller.close()
