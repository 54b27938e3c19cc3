"""The kinds of routes: who may call them, how their bodies are read, the form of their errors.

Requests are bounded in size and time; bodies are of one content type, and decompressed.
"""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable, Coroutine
from io import BytesIO
from typing import Any, ClassVar

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from app.api import problems
from app.api.dependencies import service_of
from app.errors import AskdError

MAX_HEAD = 64 * 1024  # bytes of path and headers
MAX_BODY = 1024 * 1024  # bytes, as sent and decompressed: a question comes with its conversation
_BODY_SECONDS = 10
_LENGTH = re.compile(r"[0-9]{1,18}")


class ApiRoute(APIRoute):
    """A route of the API. Callers are checked before their body is read.

    A router that answers errors in another form has a subclass with its own `error_response`.
    """

    checked: ClassVar[bool] = True  # host name and API key
    limited: ClassVar[bool] = False  # counts against the rate limit
    public: ClassVar[bool] = False  # needs no key where there are public collections

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                check_head(request)
                if self.checked:
                    access = service_of(request).access
                    await access.admit(request, limited=self.limited, public=self.public)
                return await handler(await read_body(request) if self.body_field else request)
            except (AskdError, HTTPException, RequestValidationError) as error:
                return self.error_response(error, request)

        return handle

    def error_response(self, error: Exception, request: Request) -> Response:
        return problems.response_of(error, request)


class LimitedRoute(ApiRoute):
    """Counts against the rate limit of its caller."""

    limited = True


class QuestionRoute(LimitedRoute):
    """Takes a question."""


class PublicQuestionRoute(QuestionRoute):
    """Checks what callers without a key ask for: `Access.check_public`."""

    public = True


class JudgementRoute(LimitedRoute):
    """Its body has a token, which only who got the answer has."""

    public = True


class ProbeRoute(ApiRoute):
    """For monitors, which call by address and have no key."""

    checked = False


class _JsonRequest(Request):
    """A request whose body has been read: what FastAPI reads it from."""

    def __init__(self, request: Request, content: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._content = content

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> Any:
        """Raises json.JSONDecodeError, also for what Python's parser says in other ways."""
        try:
            return json.loads(self._content)
        except json.JSONDecodeError:
            raise
        except UnicodeDecodeError as error:
            raise json.JSONDecodeError("it is not UTF-8", "", error.start) from error
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError("a number is too long, or it is nested too deeply", "", 0) from error


def check_head(request: Request) -> None:
    """Raises HTTPException (431). The server's own bound holds only for a head that comes in pieces."""
    size = len(request.url.path) + sum(len(name) + len(value) for name, value in request.headers.raw)
    if size > MAX_HEAD:
        detail = f"the headers are larger than {MAX_HEAD} bytes"
        raise HTTPException(431, detail, {"Connection": "close"})


async def read_body(request: Request) -> _JsonRequest:
    """Raises HTTPException (408, 413, 415), RequestValidationError or ClientDisconnect."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send the body as JSON, with the header Content-Type: application/json")
    encoding = request.headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise HTTPException(
            415, "Content-Encoding must be gzip or identity", {"Accept-Encoding": "gzip, identity"}
        )
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            content = await _received(request)
    except TimeoutError:
        raise HTTPException(
            408, f"the body did not come within {_BODY_SECONDS} seconds", {"Connection": "close"}
        ) from None
    return _JsonRequest(request, content if encoding == "identity" else _decompressed(content))


async def _received(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if _LENGTH.fullmatch(declared) and int(declared) > MAX_BODY:
        raise _too_large()
    content = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        content += message.get("body", b"")
        if len(content) > MAX_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(content)


def _decompressed(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as file:
            plain = file.read(MAX_BODY + 1)
    except (OSError, EOFError, zlib.error) as error:
        message = "not valid gzip, which Content-Encoding says it is"
        raise RequestValidationError([{"type": "gzip_invalid", "loc": ("body",), "msg": message}]) from error
    if len(plain) > MAX_BODY:
        raise _too_large()
    return plain


def _too_large() -> HTTPException:
    detail = f"the body is larger than {MAX_BODY} bytes; a question has at most 8,000 characters"
    return HTTPException(413, detail, {"Connection": "close"})
