"""A model server, or one in trouble, byte by byte; by default it answers like Ollama."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class Then(Enum):
    END = auto()  # the reply is complete
    TEAR = auto()  # the connection breaks
    HANG = auto()  # nothing more comes


@dataclass(frozen=True)
class Reply:
    """The pieces of a body, sent one by one."""

    pieces: Sequence[bytes] = ()
    status: int = 200
    then: Then = Then.END
    pause: float = 0.0  # seconds after each piece, without which they may be read together
    headers: Sequence[str] = ()


@dataclass
class OllamaServer:
    """What a path has no reply for is answered with a 404, as Ollama does for a model it lacks."""

    replies: dict[str, Reply | list[Reply]]  # a list: one after the other
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)  # of each request
    encodings: list[str | None] = field(default_factory=list)  # that each request accepts
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)  # a caller hung up on a reply that hangs
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                await self._answer(path, reader, writer)
        except ConnectionError:
            self.left.set()
        finally:
            writer.close()

    async def _answer(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        headers: dict[str, str] = {}
        while (header := await reader.readline()) != b"\r\n":
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        self.authorizations.append(headers.get("authorization"))
        self.encodings.append(headers.get("accept-encoding"))
        length = int(headers.get("content-length", 0))
        self.requests.append((path, json.loads(await reader.readexactly(length) or b"{}")))
        reply = self.replies.get(path, Reply([b'{"error": "model not found"}'], 404))
        if isinstance(reply, list):
            reply = reply.pop(0)
        head = [f"HTTP/1.1 {reply.status} Any", "Transfer-Encoding: chunked", *reply.headers]
        writer.write("".join(f"{line}\r\n" for line in [*head, ""]).encode())
        for piece in reply.pieces:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            if reply.pause:
                await asyncio.sleep(reply.pause)
        if reply.then is Then.END:
            writer.write(b"0\r\n\r\n")
        elif reply.then is Then.TEAR:
            writer.transport.abort()
        elif await reader.read(1) == b"":
            self.left.set()


@asynccontextmanager
async def ollama_server(**replies: Reply | list[Reply]) -> AsyncIterator[OllamaServer]:
    """Replies by the last part of their path: `chat=Reply(...)` answers /api/chat."""
    async with model_server({f"/api/{name}": reply for name, reply in replies.items()}) as stub:
        yield stub


@asynccontextmanager
async def model_server(replies: dict[str, Reply | list[Reply]]) -> AsyncIterator[OllamaServer]:
    """Replies by their path."""
    stub = OllamaServer(replies)
    server = await asyncio.start_server(stub.handle, "127.0.0.1", 0)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()


def lines(*parts: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(part, ensure_ascii=False).encode() + b"\n" for part in parts)


def said(text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}, "done": False}


def done(reason: str = "stop", prompt_tokens: int = 12, tokens: int = 2) -> dict[str, Any]:
    return {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": reason,
        "prompt_eval_count": prompt_tokens,
        "eval_count": tokens,
    }
