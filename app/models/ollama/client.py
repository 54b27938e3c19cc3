"""What Ollama is asked over HTTP, and its answers as JSON.

Not its official client: that takes several times the CPU time for a streamed answer (README, Decisions), and
its `chat` cannot say "truncate": false.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from app.http_client import HttpClient, Response
from app.models.ollama.errors import failure, translated

_LONGEST_LINE = 1 << 20  # bytes; a token's takes some hundred


@asynccontextmanager
async def open_client(url: str, connect_timeout: float) -> AsyncIterator["Client"]:
    """`connect_timeout` in seconds; OllamaModel keeps the other deadlines."""
    http = HttpClient(url, connect_timeout)
    try:
        yield Client(http)
    finally:
        http.close()


class Client:
    """JSON to and fro. Raises ModelMissing, PromptTooLong or ModelUnavailable, which name the model."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def get(self, path: str, model: str) -> dict[str, Any]:
        return await self._object("GET", path, model, b"")

    async def post(self, path: str, model: str, body: Mapping[str, object]) -> dict[str, Any]:
        return await self._object("POST", path, model, orjson.dumps(body))

    async def _object(self, method: str, path: str, model: str, body: bytes) -> dict[str, Any]:
        with translated():
            async with self._http.request(method, path, body) as response:
                await _refuse(response, model)
                read = orjson.loads(await response.read())
            if not isinstance(read, dict):
                raise TypeError("no JSON object")
            return read

    async def stream(
        self, path: str, model: str, body: Mapping[str, object]
    ) -> AsyncGenerator[Sequence[dict[str, Any]]]:
        """The parts of the reply, all at once that have arrived by now: under load many come together, and
        are cheaper together. Closing it hangs up, which makes Ollama stop."""
        rest = b""
        with translated():
            async with self._http.request("POST", path, orjson.dumps(body)) as response:
                await _refuse(response, model)
                while data := await response.some():
                    *lines, rest = (rest + data).split(b"\n")
                    if len(rest) > _LONGEST_LINE:
                        raise ValueError("a line without end")
                    if lines:
                        yield _parts(lines, response.status, model)
                if rest:
                    yield _parts([rest], response.status, model)


async def _refuse(response: Response, model: str) -> None:
    if response.status != 200:
        raise failure(response.status, await response.read(), model)


def _parts(lines: Sequence[bytes], status: int, model: str) -> Sequence[dict[str, Any]]:
    parts: list[dict[str, Any]] = orjson.loads(b"[%s]" % b",".join(filter(None, lines)))
    for part in parts:
        if "error" in part:
            raise failure(status, part["error"], model)
    return parts
