"""What stands between askd and a server, or in its place, and misbehaves on demand.

The proxy notes when each request came, was answered and was given up; times are the event loop's.
"""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
_REQUEST = re.compile(rb"(?:GET|POST|PUT|HEAD|DELETE) (\S+) HTTP/1\.1\r\n")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BETWEEN_PACKETS = 0.01  # seconds: at once they would be read together


@dataclass(frozen=True)
class Stall:
    """Requests whose path ends like this are swallowed: no answer ever comes."""

    path: str


@dataclass(frozen=True)
class Break:
    """Their connection is reset once so many bytes of the answer went through; with 0 at once."""

    path: str
    after: int = 0


@dataclass(frozen=True)
class Late:
    """The answer is passed on after so many seconds."""

    path: str
    seconds: float


@dataclass(frozen=True)
class Crumble:
    """The answer is passed on in crumbs of a few bytes."""

    path: str


@dataclass(frozen=True)
class Instead:
    """They are answered with these pieces, each in a packet of its own; the server hears nothing. Then the
    connection is closed, or hangs."""

    path: str
    pieces: Sequence[bytes]
    hangs: bool = False


@dataclass
class Once:
    """The fault hits only the first request."""

    fault: "Fault"
    done: bool = False

    @property
    def path(self) -> str:
        return self.fault.path


Fault = Stall | Break | Late | Crumble | Instead


@dataclass
class Passage:
    """A request on its way."""

    path: str
    fault: Fault | None
    answered: float | None = None  # the first byte of the answer came
    left: float | None = None  # who asked closed the connection
    size: int = 0  # bytes of the answer so far


@dataclass
class TcpProxy:
    upstream: str  # URL
    fault: Fault | Once | None = None
    passages: list[Passage] = field(default_factory=list)
    url: str = ""

    _server: asyncio.Server | None = None
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    def to(self, path: str) -> list[Passage]:
        return [passage for passage in self.passages if passage.path.endswith(path)]

    async def listen(self) -> None:
        """Anew after `close` on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", urlsplit(self.url).port or 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Who connects is refused, who is connected is cut off."""
        if self._server:
            self._server.close()
            await asyncio.sleep(0.01)  # whom it has just accepted becomes one of the connections
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self.connect(reader, writer))
        self._connections.add(task)

        def ended(_: asyncio.Task[None]) -> None:  # also where it was cancelled before it began
            self._connections.discard(task)
            writer.transport.abort()

        task.add_done_callback(ended)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = urlsplit(self.upstream)
        answers, requests = await asyncio.open_connection(upstream.hostname, upstream.port)
        connection = _Connection(self, writer, requests)
        back = asyncio.ensure_future(connection.pass_back(answers))
        try:
            with suppress(ConnectionError):
                await connection.pass_on(reader)
        finally:
            if connection.latest:
                connection.latest.left = asyncio.get_running_loop().time()
            back.cancel()
            requests.transport.abort()


@dataclass
class _Connection:
    proxy: TcpProxy
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    latest: Passage | None = None

    async def pass_on(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            if request := _REQUEST.match(data):
                self._note(request[1].decode().partition("?")[0])
            match self.latest and self.latest.fault:
                case Stall():
                    continue
                case Instead(pieces=pieces, hangs=hangs):
                    if request:  # once for each, whatever more of it comes
                        await self._say(pieces, _BETWEEN_PACKETS)
                        if not hangs:
                            return
                    continue
                case Break(after=0):
                    self._reset()
                    return
            self.server.write(data)

    def _note(self, path: str) -> None:
        fault = self.proxy.fault if self.proxy.fault and path.endswith(self.proxy.fault.path) else None
        if isinstance(fault, Once):
            once, fault = fault, None if fault.done else fault.fault
            once.done = True
        self.latest = Passage(path, fault)
        self.proxy.passages.append(self.latest)

    async def pass_back(self, answers: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while data := await answers.read(65536):
                assert self.latest
                self.latest.answered = self.latest.answered or asyncio.get_running_loop().time()
                fault = self.latest.fault
                if isinstance(fault, Break):
                    data = data[: fault.after - self.latest.size]
                self.latest.size += len(data)
                await self._pass(data, fault)
                if isinstance(fault, Break) and self.latest.size >= fault.after:
                    await self.client.drain()
                    self._reset()
                    return
        self.client.close()

    async def _pass(self, data: bytes, fault: Fault | None) -> None:
        if isinstance(fault, Late):
            await asyncio.sleep(fault.seconds)
        if isinstance(fault, Crumble):
            await self._say([data[at : at + 7] for at in range(0, len(data), 7)], pause=0)
        else:
            self.client.write(data)

    async def _say(self, pieces: Sequence[bytes], pause: float) -> None:
        for piece in pieces:
            self.client.write(piece)
            await self.client.drain()
            await asyncio.sleep(pause)

    def _reset(self) -> None:
        self.client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.client.transport.abort()


@asynccontextmanager
async def proxy_to(upstream: str) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()


def http_answer(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", body]).encode()


def nobodys_url() -> str:
    """Where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


async def until(found: Callable[[], T | None], seconds: float = 60.0) -> T:
    """What `found` finds, as soon as it does."""
    async with asyncio.timeout(seconds):
        while not (value := found()):
            await asyncio.sleep(0.002)
        return value
