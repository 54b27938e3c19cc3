"""`/mcp`: the way of the Model Context Protocol into the service, as an ASGI application of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.types import Message, Receive, Scope, Send

from app.api import problems
from app.api.context import context_of
from app.api.dependencies import TIMEOUT_HEADER, Service, service_of, working
from app.api.mcp.door import Door
from app.api.routing import check_head, read_body
from app.errors import AskdError
from app.feedback.service import Feedback
from app.indexes.base import IndexStore

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
_LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1"])
_FOREIGN = "pages of this origin may not call; see ASKD_CORS_ORIGINS"
MISSING = "the Model Context Protocol needs the extra mcp: in askd's folder, pip install -e '.[mcp]'"


class Sessions:
    """What answers the messages. Made for the first of them: the SDK takes a second to import, and 25 MB.

    No state is kept between requests, so any worker can answer.
    """

    def __init__(self) -> None:
        self._starting: asyncio.Task[StreamableHTTPSessionManager | None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def manager(self) -> "StreamableHTTPSessionManager | None":
        """None: the extra is not installed."""
        if self._starting is None:
            # Tasks of their own, with nothing of the request that happens to be the first.
            self._starting = asyncio.create_task(self._start(), context=Context())
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        self._stopping.set()
        if self._starting:
            await self._starting
        if self._running:
            await self._running

    async def _start(self) -> "StreamableHTTPSessionManager | None":
        manager = await asyncio.to_thread(_manager)
        if manager is None:
            return None
        started = asyncio.Event()

        async def run() -> None:
            async with manager.run():
                started.set()
                await self._stopping.wait()

        self._running = asyncio.create_task(run())
        await started.wait()
        return manager


@asynccontextmanager
async def open_sessions() -> AsyncIterator[Sessions]:
    sessions = Sessions()
    try:
        yield sessions
    finally:
        await sessions.close()


def _manager() -> "StreamableHTTPSessionManager | None":
    try:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from app.api.mcp.server import server_of
    except ImportError:
        return None
    return StreamableHTTPSessionManager(server_of(_door_of), stateless=True)


class McpEndpoint:
    """Callers are checked as on any route; what they send is then the protocol's matter."""

    def __init__(self, origins: frozenset[str]) -> None:
        """`origins`: pages of these may call, as `ASKD_CORS_ORIGINS` says."""
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            check_head(request)
            service = service_of(request)
            await service.access.admit(request, limited=False)
            self._check_origin(request, service)
            if request.method != "POST":
                raise HTTPException(405, headers={"Allow": "POST"})
            manager = await cast(Sessions, request.state.mcp).manager()
            if manager is None:
                raise HTTPException(501, MISSING)
            service.shutdown.check()
            deadline = service.timeouts.deadline(
                request.headers.get(TIMEOUT_HEADER), context_of(scope).arrived
            )
            body = await (await read_body(request)).body()
        except (AskdError, HTTPException, RequestValidationError) as error:
            await problems.response_of(error, request)(scope, receive, send)
            return
        left = asyncio.Event()
        scope["state"] |= {"left": left, "deadline": deadline}
        await manager.handle_request(scope, _received(body, receive, left), send)

    def _check_origin(self, request: Request, service: Service) -> None:
        """A page of a foreign origin must not get here, also where its name was made to point here (DNS
        rebinding). Raises HTTPException (403)."""
        origin = request.headers.get("origin")
        if origin is None or origin.rstrip("/") in self._origins:
            return
        try:
            address = urlsplit(origin)
            loopback = address.hostname in _LOOPBACK
        except ValueError:
            raise HTTPException(403, _FOREIGN) from None
        if not loopback and not service.access.knows(address.netloc):
            raise HTTPException(403, _FOREIGN)


def _received(body: bytes, receive: Receive, left: asyncio.Event) -> Receive:
    """The body that has been read, then what comes; `left` is set when the caller has gone."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        if parts:
            return parts.pop()
        message = await receive()
        if message["type"] == "http.disconnect":
            left.set()
        return message

    return receiving


def _door_of(request: Any) -> Door:
    """Of the HTTP request that a message came in."""
    scope = request.scope
    service, context = service_of(request), context_of(scope)
    feedback = cast(Feedback, request.state.feedback)

    async def until_left() -> Message:
        await scope["state"]["left"].wait()
        return {"type": "http.disconnect"}

    async def admit() -> None:
        await service.access.count(context.caller, getattr(request.state, "limiter", None))

    return Door(
        assistant=request.state.assistant,
        store=cast(IndexStore, request.state.store),
        context=context,
        deadline=request.state.deadline,
        admit=admit,
        answered=lambda answer, question: feedback.answered(answer, question, context.id),
        working=lambda: working(Request(scope, until_left)),
    )
