"""The request's context, its line in the access log, its metrics, and the catch-all error handler.

Pure ASGI: Starlette's BaseHTTPMiddleware hides from routes that the caller has hung up.
"""

import logging
import re
import time
from secrets import token_hex

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import problems
from app.api.context import Caller, RequestContext, add_context
from app.telemetry.metrics import Metrics

access = logging.getLogger("askd.access")
log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Requests:
    """Gives each request its id: the caller's `X-Request-ID`, if that is well-formed."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        """`paths` label the metrics; any other path is counted as "other": there is no end to them."""
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        context = RequestContext(
            id=given if _REQUEST_ID.fullmatch(given) else token_hex(16),
            caller=Caller(None, (scope.get("client") or ("",))[0]),
        )
        add_context(scope, context)
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
        except Exception:
            log.exception("unexpected error", extra={"request_id": context.id})
            if status is not None:  # the response has begun: closing the connection is all that is left
                raise
            response = problems.problem_response(problems.unexpected(context))
            await response(scope, receiving, sending)
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
