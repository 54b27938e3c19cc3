"""What stands between askd and a server, or in its place, and misbehaves on demand.

The proxy notes when each request came, was answered and was given up; times are the event loop's.
"""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
_REQUEST = re.compile(rb"(?:GET|POST|HEAD) (\S+) HTTP/1\.1\r\n")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


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
    """The answer is passed on byte by byte, each in a packet of its own."""

    path: str


@dataclass(frozen=True)
class Instead:
    """They are answered with these bytes; the server hears nothing. Then the connection is closed, or hangs."""

    path: str
    answer: bytes
    hangs: bool = False


@dataclass
class Once:
    """The fault befalls the first of its requests only."""

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

    def to(self, path: str) -> list[Passage]:
        return [passage for passage in self.passages if passage.path.endswith(path)]

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
            writer.transport.abort()


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
                case Instead(answer=answer, hangs=hangs):
                    if request:  # once for each, whatever more of it comes
                        self.client.write(answer)
                        await self.client.drain()
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
            fault, fault.done = None if fault.done else fault.fault, True
        self.latest = Passage(path, fault)
        self.proxy.passages.append(self.latest)

    async def pass_back(self, answers: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while data := await answers.read(65536):
                assert self.latest
                self.latest.answered = self.latest.answered or asyncio.get_running_loop().time()
                self.latest.size += len(data)
                fault = self.latest.fault
                await self._pass(data, fault)
                if isinstance(fault, Break) and self.latest.size >= fault.after:
                    await self.client.drain()
                    self._reset()
                    return
        self.client.close()

    async def _pass(self, data: bytes, fault: Fault | None) -> None:
        if isinstance(fault, Late):
            await asyncio.sleep(fault.seconds)
        for piece in [data[at : at + 1] for at in range(len(data))] if isinstance(fault, Crumble) else [data]:
            self.client.write(piece)
            if isinstance(fault, Crumble):
                await self.client.drain()
                await asyncio.sleep(0)

    def _reset(self) -> None:
        self.client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.client.transport.abort()


@asynccontextmanager
async def proxy_to(upstream: str) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(upstream)
    async with _listening(proxy.connect) as proxy.url:
        yield proxy


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that says the same to everybody, whatever was asked; yields its URL."""

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with _listening(answer_once) as url:
        yield url


def http_answer(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", body]).encode()


def nobodys_url() -> str:
    """Where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@asynccontextmanager
async def _listening(
    connect: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await connect(reader, writer)
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(found: Callable[[], T | None], seconds: float = 60.0) -> T:
    """What `found` finds, as soon as it does."""
    async with asyncio.timeout(seconds):
        while not (value := found()):
            await asyncio.sleep(0.002)
        return value
