"""Ollama's official client, on a transport that adds what it lacks."""

import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from ollama import AsyncClient

log = logging.getLogger(__name__)

_LONGEST_LINE = (
    1 << 21
)  # bytes; a token's takes some hundred, a model's whole description some hundred thousand
_API_PATH = re.compile(r"/(?:v1|api)(?:/.*)?$")  # what other tools want in their Ollama address
# JSON may hold them as they are, but the client takes them for ends of lines.
_LINE_SEPARATORS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}


@asynccontextmanager
async def open_client(
    url: str, connect_timeout: float, api_key: str | None = None
) -> AsyncIterator[AsyncClient]:
    """`connect_timeout` in seconds; OllamaModel keeps the other timeouts, since the client has none.

    `api_key` is for a proxy before Ollama, and takes the place of a user and password in `url`.
    """
    address = httpx.URL(url)
    path = _API_PATH.sub("", address.path)
    if path != address.path:
        log.info("ASKD_OLLAMA_URL should not end in /v1 or /api; it was cut off")
    tls = ssl.create_default_context()
    client = AsyncClient(
        str(address.copy_with(path=path, query=None, fragment=None)),
        transport=_OllamaTransport(AiohttpTransport(verify=tls, client=lambda: _session(tls))),
        auth=_authorization(address, api_key),
        timeout=httpx.Timeout(None, connect=connect_timeout, pool=connect_timeout),
        follow_redirects=False,
        trust_env=False,
    )
    async with client:
        yield client


def _session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    # A connection for each request: one that was kept open may be closed by the server just then, and a
    # generation that failed so could not be sent again, since nobody knows whether it has begun.
    connector = aiohttp.TCPConnector(ssl=tls, limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _authorization(address: httpx.URL, api_key: str | None) -> httpx.Auth | Callable[..., httpx.Request]:
    if api_key is None and address.userinfo:
        return httpx.BasicAuth(address.username, address.password)

    def authorize(request: httpx.Request) -> httpx.Request:
        # The client itself would send OLLAMA_API_KEY, the key of Ollama's cloud, to any server.
        request.headers.pop("Authorization", None)
        if api_key is not None:
            request.headers["Authorization"] = f"Bearer {api_key}"
        return request

    return authorize


class _OllamaTransport(httpx.AsyncBaseTransport):
    """Forbids Ollama to cut prompts, for which the client has no argument, and bounds what it reads."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(("/api/chat", "/api/generate")):
            body = json.loads(await request.aread()) | {"truncate": False}
            headers = [(name, value) for name, value in request.headers.items() if name != "content-length"]
            request = httpx.Request(
                request.method, request.url, headers=headers, json=body, extensions=request.extensions
            )
        response = await self._transport.handle_async_request(request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Lines(response.stream)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Lines(httpx.AsyncByteStream):
    """The same body in whole lines. Raises ValueError for one that is too long or is no UTF-8."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._parts = aiter(stream)
        self._rest = b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        async for data in self._parts:
            lines, end, self._rest = (self._rest + data).rpartition(b"\n")
            if len(self._rest) > _LONGEST_LINE:
                raise ValueError("a line without end")
            if end:
                return _escaped(lines + end)
        if not self._rest:
            raise StopAsyncIteration
        rest, self._rest = self._rest, b""
        return _escaped(rest)

    async def aclose(self) -> None:
        await self._stream.aclose()


def _escaped(lines: bytes) -> bytes:
    return lines.decode().translate(_LINE_SEPARATORS).encode()
