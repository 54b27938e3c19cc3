"""What is done to every request and response, whatever the route. Pure ASGI: Starlette's BaseHTTPMiddleware
hides from routes that the caller has hung up."""

import asyncio
import logging
import re
import time
from secrets import token_hex

import h11
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import Caller, RequestContext, add_context
from app.api.problems import ErrorResponse
from app.telemetry.logs import request_id
from app.telemetry.metrics import Metrics

access = logging.getLogger("askd.access")
log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # "." and ".." are no names in a path
_POLICY = "Content-Security-Policy"
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
# Pages may load only from this service. The one of /docs has scripts and styles inline.
_PAGE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Requests:
    """The request's context, its line in the access log, its metrics, and the catch-all error handler.

    The request's id is the caller's `X-Request-ID`, if that is well-formed.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str], respond: ErrorResponse) -> None:
        """`paths` label the metrics; any other path is counted as "other": their number is unbounded.

        `respond` makes the response for an error that nobody handled.
        """
        self._app = app
        self._metrics = metrics
        self._paths = paths
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        context = RequestContext(
            id=given if _REQUEST_ID.fullmatch(given) else token_hex(16),
            method=scope["method"],
            arrived=asyncio.get_running_loop().time(),
            caller=Caller(None, (scope.get("client") or ("",))[0]),
        )
        add_context(scope, context)
        request_id.set(context.id)
        started = time.perf_counter()
        status: int | None = None
        complete = False

        async def sending(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", context.id.encode())]
            else:
                complete = not message.get("more_body", False)
            await send(message)

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not complete:
                context.hung_up = True
            return message

        try:
            await self._app(scope, receiving, sending)
        except ClientDisconnect:
            context.hung_up = True  # there is no one to answer
        except Exception as error:
            log.exception("unexpected error", extra={"request_id": context.id})
            if status is not None:  # the response has begun: closing the connection is all that is left
                raise
            await self._respond(error, Request(scope))(scope, receiving, sending)
        finally:
            self._log(scope, context, status, time.perf_counter() - started)

    def _log(self, scope: Scope, context: RequestContext, status: int | None, seconds: float) -> None:
        route = scope["path"] if scope["path"] in self._paths else "other"
        self._metrics.responded(route, status, context.problem, seconds, left=context.hung_up)
        access.info(
            "request",
            extra={
                "request_id": context.id,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,  # null: the caller hung up before there was one
                "ms": round(seconds * 1000, 1),
                "client": context.caller.address or None,
                "key": context.caller.key,  # its name
            },
        )


class SecurityHeaders:
    """Adds security headers. A route that needs another policy sets the header itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_to(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def _add_to(headers: MutableHeaders) -> None:
    page = headers.get("Content-Type", "").startswith("text/html")
    for name, value in {_POLICY: _PAGE if page else _NO_PAGE, **_ALWAYS}.items():
        headers.setdefault(name, value)


class TrailingSlash:
    """`/ask/` is `/ask`. A redirect would lose the body, or send it on without TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/"):
            path = scope["path"].rstrip("/")
            if path.removeprefix(scope.get("root_path", "")):  # else it is the page itself
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD wherever GET is answered: the same response without its body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class AfterBadBody:
    """Drops what the application sends after uvicorn has answered a malformed body with a 400 of its own.

    h11 would raise, and anyone could fill the log with tracebacks. Outermost, around the whole application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        closing = False

        async def sending(message: Message) -> None:
            nonlocal closing
            if closing:
                return
            try:
                await send(message)
            except h11.LocalProtocolError:
                closing = True
                while (await receive())["type"] != "http.disconnect":
                    pass

        await self._app(scope, receive, sending if scope["type"] == "http" else send)
