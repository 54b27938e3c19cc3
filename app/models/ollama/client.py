"""Ollama's official client, on a transport that adds what it lacks, and its failures as errors of ours."""

import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Self

import httpx
from ollama import AsyncClient, ResponseError

from app.errors import ModelError, ModelMissing, ModelUnavailable, PromptTooLong
from app.models import http
from app.models.http import WholeLines, open_transport

log = logging.getLogger(__name__)

API_PATH = re.compile(r"/(?:v1|api)(?:/.*)?$")  # not part of the address of Ollama itself

# JSON may contain these unescaped, but the client splits lines at them.
_LINE_SEPARATORS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}

_CACHED_COUNT = re.compile(rb'"prompt_eval_cached_count":\s*(\d+)')
_cached: ContextVar[int | None] = ContextVar("cached", default=None)

_MISSING = re.compile(r"model\b.*\bnot found", re.DOTALL)
_OVERFLOW = re.compile(r"exceed.*context|context.*exceed", re.DOTALL)
_PROMPT_TOKENS = re.compile(r"n_prompt_tokens\D{1,4}(\d+)|\((\d+) tokens\)")
_MEMORY = re.compile(r"more system memory|out of memory|unable to allocate", re.IGNORECASE)
_NO_CHAT = re.compile(r"does not support (?:chat|generate)")


@asynccontextmanager
async def open_client(
    url: str, connect_timeout: float, api_key: str | None = None
) -> AsyncIterator[AsyncClient]:
    """`connect_timeout` in seconds; OllamaModel keeps the other timeouts, since the client has none.

    `api_key` as in `authorization`.
    """
    address = httpx.URL(url)
    path = API_PATH.sub("", address.path)
    if path != address.path:
        log.info("ASKD_OLLAMA_URL should not end in /v1 or /api; it was cut off")
    client = AsyncClient(
        str(address.copy_with(path=path, query=None, fragment=None)),
        transport=_OllamaTransport(open_transport()),
        auth=authorization(address, api_key),
        headers={"Accept-Encoding": "identity"},  # the transport reads the lines as they come
        timeout=httpx.Timeout(None, connect=connect_timeout, pool=connect_timeout),
        follow_redirects=False,
        trust_env=False,
    )
    async with client:
        yield client


def authorization(address: httpx.URL, api_key: str | None) -> httpx.Auth | Callable[..., httpx.Request]:
    """For httpx's `auth`. `api_key` is for a proxy before Ollama, and takes the place of a user and password
    in the address."""
    if api_key is None and address.userinfo:
        return httpx.BasicAuth(address.username, address.password)

    def authorize(request: httpx.Request) -> httpx.Request:
        # Ollama's client itself would send OLLAMA_API_KEY, the key of Ollama's cloud, to any server.
        request.headers.pop("Authorization", None)
        if api_key is not None:
            request.headers["Authorization"] = f"Bearer {api_key}"
        return request

    return authorize


def cached_tokens() -> int | None:
    """Of the prompt whose reply was read last in this task, those that Ollama had in its cache, where it
    tells: the client's own type of a reply has no such field."""
    return _cached.get()


class _OllamaTransport(httpx.AsyncBaseTransport):
    """Forbids Ollama to cut prompts, for which the client has no argument, and bounds what it reads."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _cached.set(None)
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
    """The same body in complete lines; pieces of an answer that have arrived together are joined.

    Raises ValueError for a line that is too long or is no UTF-8.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._lines = WholeLines(stream)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        lines = await anext(self._lines)
        if told := _CACHED_COUNT.search(lines):
            _cached.set(int(told[1]))
        return _joined(lines.decode().translate(_LINE_SEPARATORS).encode())

    async def aclose(self) -> None:
        await self._stream.aclose()


def _joined(lines: bytes) -> bytes:
    """The same lines, but a piece of an answer is put before the one behind it.

    Under load several have arrived by the time they are read, and each line costs far more behind this one.
    """
    if lines.count(b"\n") < 2:
        return lines
    try:
        parts = [json.loads(line) for line in lines.splitlines()]
    except (ValueError, RecursionError):
        return lines  # the client says what is wrong with them
    joined: list[Any] = []
    for part in parts:
        if joined and _is_piece(part) and _is_piece(joined[-1]) and not joined[-1].get("done"):
            part["message"]["content"] = joined.pop()["message"]["content"] + part["message"]["content"]
        joined.append(part)
    return b"".join(json.dumps(part).encode() + b"\n" for part in joined)


def _is_piece(part: Any) -> bool:
    """Whether this is some text of an answer, perhaps its end, and nothing else."""
    message = part.get("message") if isinstance(part, dict) else None
    return (
        isinstance(message, dict)
        and message.keys() <= {"role", "content"}
        and isinstance(message.get("content"), str)
    )


# --- errors ---


@contextmanager
def translated(model: str) -> Iterator[None]:
    """Turns what the client raises into ModelMissing, PromptTooLong or ModelUnavailable."""
    try:
        with http.translated("Ollama", "ASKD_OLLAMA_URL"):
            yield
    except ResponseError as error:
        raise _answered(error.status_code, str(error.error), model) from error


def _answered(status: int, told: str, model: str) -> ModelError:
    """What an error of Ollama's means; `told` is its own message, or the body of whatever answered.

    `status` is -1 in the middle of a stream. The message is looked at first: it is surer than the status.
    """
    if _OVERFLOW.search(told):
        count = _PROMPT_TOKENS.search(told)
        return PromptTooLong(
            "the prompt has more tokens than the model's context window",
            int(count[1] or count[2]) if count else None,
        )
    if status == 404 and _MISSING.search(told):
        return ModelMissing(
            f"Ollama does not have the model {model}: run `ollama pull {model}`, "
            "or bake it into the image with scripts/bake-models"
        )
    return ModelUnavailable(_reason(status, told, model))


def _reason(status: int, told: str, model: str) -> str:
    if _MEMORY.search(told):
        return (
            f"there is not enough memory for the model {model}: free some, or set ASKD_MODEL to a smaller one"
        )
    if _NO_CHAT.search(told):
        return f"the model {model} cannot write answers: set ASKD_MODEL to one that can chat"
    if status in (401, 403):
        return (
            f"access to ASKD_OLLAMA_URL was refused (status {status}): check ASKD_OLLAMA_API_KEY_FILE and, "
            "where a proxy stands before Ollama, the Host header it sends"
        )
    if status == 404 or 300 <= status < 400:
        return (
            f"what answers at ASKD_OLLAMA_URL is not Ollama (status {status}): "
            "set it to Ollama's own address, without a path"
        )
    if status in (429, 503):
        return "Ollama has too much to do; try again later"
    if status in (502, 504):
        return f"the proxy at ASKD_OLLAMA_URL cannot reach Ollama (status {status}); is Ollama running?"
    return f"Ollama failed to run the model {model}; its log says why"
