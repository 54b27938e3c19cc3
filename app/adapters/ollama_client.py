"""What Ollama is asked over HTTP, and its answers as JSON.

Not its official client: that takes several times the CPU time for a streamed answer (README, Decisions), and
its `chat` cannot say "truncate": false.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from app.adapters.ollama_errors import failure, translated

_LONGEST_LINE = 1 << 20  # bytes; a token's takes some hundred
_JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def open_client(url: str, connect_timeout: float) -> AsyncIterator["Client"]:
    """Goes to `url` and nowhere else: no proxy, no redirect, no cookies."""
    async with ClientSession(
        connector=TCPConnector(limit=0),  # the number of slots is the limit, not that of connections
        timeout=ClientTimeout(total=None, connect=connect_timeout),  # OllamaModel keeps the other deadlines
        cookie_jar=DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield Client(session, url.rstrip("/"))


class Client:
    """JSON to and fro. Raises ModelMissing, PromptTooLong or ModelUnavailable, which name the model."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str, model: str) -> dict[str, Any]:
        with translated():
            async with self._session.get(self._url + path, allow_redirects=False) as response:
                return _object(await _body(response, model))

    async def post(self, path: str, model: str, body: Mapping[str, object]) -> dict[str, Any]:
        with translated():
            async with self._asked(path, model, body) as response:
                return _object(await response.read())

    async def stream(
        self, path: str, model: str, body: Mapping[str, object]
    ) -> AsyncGenerator[Sequence[dict[str, Any]]]:
        """The parts of the reply, all at once that have arrived by now; closing it hangs up."""
        with translated():
            async with self._asked(path, model, body) as response:
                async for lines in _lines(response):
                    parts: list[dict[str, Any]] = orjson.loads(b"[%s]" % b",".join(lines))
                    for part in parts:
                        if "error" in part:
                            raise failure(response.status, part["error"], model)
                    yield parts

    @asynccontextmanager
    async def _asked(
        self, path: str, model: str, body: Mapping[str, object]
    ) -> AsyncIterator[ClientResponse]:
        response = await self._session.post(
            self._url + path, data=orjson.dumps(body), headers=_JSON, allow_redirects=False
        )
        try:
            if response.status != 200:
                await _body(response, model)
            yield response
        finally:
            response.close()  # unless it has been read to its end this hangs up, which makes Ollama stop


async def _body(response: ClientResponse, model: str) -> bytes:
    body = await response.read()
    if response.status != 200:
        raise failure(response.status, body, model)
    return body


def _object(data: bytes) -> dict[str, Any]:
    read = orjson.loads(data)
    if not isinstance(read, dict):
        raise TypeError("no JSON object")
    return read


async def _lines(response: ClientResponse) -> AsyncGenerator[Sequence[bytes]]:
    """Whole ones: under load many come at once, and are cheaper together."""
    rest = b""
    async for data in response.content.iter_any():
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ValueError("a line without end")
        if lines:
            yield [line for line in lines if line]
    if rest:
        yield [rest]
