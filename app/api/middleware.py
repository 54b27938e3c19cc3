"""What every request passes, outermost first: request id, access log, the last net, limits. Pure ASGI, since
Starlette's BaseHTTPMiddleware hides hang-ups from the routes."""

import asyncio
import logging
import re
import time
from secrets import token_hex
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access import Caller
from app.api.errors import plain_problem

access = logging.getLogger("askd.access")
log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024  # bytes
_BODY_SECONDS = 10
_API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
# Its page has scripts and styles within; the Swagger UI it loads comes from here, too.
_DOCS_POLICY = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_LENGTH = re.compile(r"[0-9]{1,18}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Requests:
    """Gives each request its id (the caller's `X-Request-ID` if it has sense), logs it, and turns an
    unexpected exception into a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                policy = _DOCS_POLICY if scope["path"] == "/docs" else _API_POLICY
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"content-security-policy", policy),
                    *_SECURITY,
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            scope["state"]["left"] = True  # nobody is there to be answered
        except Exception:
            log.exception("unexpected error", extra={"request_id": request_id})
            if status is not None:  # the response has begun: breaking it off is all that is left
                raise
            detail = f"something unexpected happened; the log has it under request id {request_id}"
            await plain_problem(500, detail, request_id)(scope, receive, send_with_id)
        finally:
            state = scope["state"]
            scope["app"].state.metrics.responded(
                scope["path"],
                status,
                state.get("problem", "").removeprefix("/problems/"),
                time.perf_counter() - started,
                left="left" in state,
            )
            if access.isEnabledFor(logging.INFO):
                access.info("request", extra=_facts(scope, status, started, request_id))


def _facts(scope: Scope, status: int | None, started: float, request_id: str) -> dict[str, Any]:
    caller: Caller | None = scope["state"].get("caller")
    return {
        "request_id": request_id,
        "method": scope["method"],
        "path": scope["path"],
        "status": status,  # null: the caller left before there was one
        "ms": round((time.perf_counter() - started) * 1000, 1),
        "client": (scope.get("client") or [None])[0],
        "key": caller.key if caller else None,  # its name
    }


class Bodies:
    """Refuses a body that is too large before anything parses it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        request_id = scope["state"]["request_id"]
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _read(receive, Headers(scope=scope).get("content-length", ""))
        except TimeoutError:
            detail = f"the body did not come within {_BODY_SECONDS} seconds"
            refusal = plain_problem(408, detail, request_id, headers={"Connection": "close"})
            await refusal(scope, receive, send)
            return
        if body is None:
            detail = f"the body is larger than {MAX_BODY} bytes; a question has at most 2,000 characters"
            await plain_problem(413, detail, request_id, headers={"Connection": "close"})(
                scope, receive, send
            )
            return
        scope["state"]["body"] = body
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self.app(scope, replay, send)


async def _read(receive: Receive, declared: str) -> bytes | None:
    """The whole body, or None when it is too large."""
    if _LENGTH.fullmatch(declared) and int(declared) > MAX_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
