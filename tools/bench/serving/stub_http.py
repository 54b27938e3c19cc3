"""HTTP for stubs that must cost next to nothing: bytes in, bytes out, and they see who leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, cast

import httptools


class Wire(Protocol):
    """What a reply is written to: an asyncio.Transport, or what stands in its way."""

    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool: ...


class Exchange:
    """One request and the reply to it."""

    def __init__(self, path: str, body: bytes, transport: asyncio.Transport) -> None:
        self.path = path
        self.body = body
        self.left: Callable[[], None] = lambda: None  # called when the caller hangs up
        self.transport = transport
        self.wire: Wire = transport

    def reply(self, body: bytes) -> None:
        self._write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"X-Elastic-Product: Elasticsearch\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )

    def begin(self) -> None:
        """A reply in pieces."""
        self._write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        )

    def piece(self, body: bytes, *, last: bool = False) -> None:
        self._write(b"%x\r\n%s\r\n%s" % (len(body), body, b"0\r\n\r\n" if last else b""))

    def _write(self, data: bytes) -> None:
        if not self.wire.is_closing():  # else who asked has left
            self.wire.write(data)


class Handler(Protocol):
    def __call__(self, exchange: Exchange) -> None: ...


class Connection(asyncio.Protocol):
    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._parser = httptools.HttpRequestParser(self)
        self._path = ""
        self._body = b""
        self._latest: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._latest:
            self._latest.left()

    def on_url(self, url: bytes) -> None:
        self._path = url.decode()
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._latest = Exchange(self._path, self._body, self.transport)
        self._handle(self._latest)


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[str]:
    """Yields the URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handle), "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
