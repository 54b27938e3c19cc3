"""Requests as bytes, to the application itself: what no client would send, too."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Headers = ()
    body: Sequence[bytes] = (b"",)  # in these pieces

    @property
    def text(self) -> str:
        """All that its sender said."""
        told = [self.path.encode(), *self.body, *[part for header in self.headers for part in header]]
        return b"\n".join(told).decode("utf-8", "replace")


@dataclass
class Response:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def call(app: ASGIApp, request: Request, state: dict[str, object]) -> Response:
    pieces = list(request.body)
    response = Response()

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()  # nobody hangs up
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            response.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": dict(state),
    }
    async with asyncio.timeout(30):
        await app(scope, receive, send)
    return response
