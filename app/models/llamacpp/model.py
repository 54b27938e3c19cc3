"""Generation by llama.cpp (package xllamacpp), in a child process."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from app.domain import Usage
from app.errors import ModelMissing, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt
from app.models.catalogue import find
from app.models.failures import log_unreadable, refusal
from app.models.llamacpp.requests import completion
from app.models.llamacpp.server import LlamaServer, ServerOptions, start
from app.traffic.circuit_breaker import CircuitBreaker
from app.traffic.deadline import GenerationTimeouts, model_timeout

_NO_ANSWER = "the embedded model did not answer as it should"


class LlamaCppModel:
    """A `LanguageModel`; timeouts in seconds. An async context manager: leaving it frees the memory.

    `name` is a known model, looked for in `directory`, or the path of a GGUF file. Once it could not be
    loaded several times in a row, `breaker` spares questions the attempt for a while; `load` makes it always.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        options: ServerOptions,
        *,
        first_token_timeout: float,
        generate_timeout: float,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._name = name
        self._directory = directory
        self._options = options
        self._first_token_timeout = first_token_timeout
        self._generate_timeout = generate_timeout
        self._starting: asyncio.Task[LlamaServer] | None = None
        self._breaker = breaker or CircuitBreaker()
        self._one_at_a_time = asyncio.Lock()  # the model has one slot; who waits here may leave at once

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Frees the memory; a load that still runs is broken off."""
        starting, self._starting = self._starting, None
        if starting:
            starting.cancel()
            await _close(starting)

    async def load(self) -> None:
        await self._started()

    async def profile(self) -> ModelProfile:
        server = await self._server()
        return ModelProfile(
            Path(self._name).name,
            server.digest,
            server.style,
            server.context_tokens,
            server.parameters,
            server.control_tokens,
        )

    async def status(self) -> ModelStatus:
        try:
            find(self._name, self._directory)
        except ModelMissing:
            present = False
        else:
            present = True
        server = self._running
        return ModelStatus(
            Path(self._name).name,
            present=present or server is not None,
            loaded=server is not None,
            size_bytes=server.size_bytes if server else None,
        )

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        server = await self._server()
        with _translated():
            return await asyncio.gather(*(_count(server, text) for text in texts))

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        timeouts = GenerationTimeouts(self._first_token_timeout, self._generate_timeout)
        usage, cut = None, False
        with _translated():
            async with aclosing(self._events(prompt)) as events:
                while (event := await timeouts.next(events)) is not None:
                    for choice in event["choices"]:
                        cut = cut or choice["finish_reason"] == "length"
                        if text := _text(choice):
                            timeouts.began = True
                            yield Chunk(text)
                    if counted := event.get("usage"):
                        cached = counted["prompt_tokens_details"]["cached_tokens"]
                        usage = Usage(counted["prompt_tokens"], counted["completion_tokens"], cached)
        if usage is None:
            raise ModelUnavailable("the embedded model broke off in the middle of its answer")
        yield Chunk("", usage, cut)

    async def _events(self, prompt: Prompt) -> AsyncGenerator[dict[str, Any]]:
        """The server-sent events up to the last one. Raises PromptTooLong or ModelUnavailable."""
        server = await self._server()
        path, body = completion(prompt)
        # Closing the response hangs up, which makes the model stop.
        async with self._one_at_a_time, server.http.stream("POST", path, json=body) as response:
            if response.status_code != 200:
                await response.aread()
                raise _refusal(response.json()["error"])
            rest = b""
            async for (
                data
            ) in response.aiter_raw():  # httpx's lines would end at characters that JSON may hold
                *lines, rest = (rest + data).split(b"\n")
                for event in _read(lines):
                    yield event

    @property
    def _running(self) -> LlamaServer | None:
        server = _result(self._starting)
        return server if server and server.runs else None

    async def _server(self) -> LlamaServer:
        """The running server. Raises ModelUnavailable at once where it failed to start just now."""
        if self._running is None:
            with self._breaker.lookup((), refusal):
                return await self._started()
        return self._running

    async def _started(self) -> LlamaServer:
        """The running server, started by whoever comes first; one that failed or died is started again."""
        if self._starting is None or (self._starting.done() and not self._running):
            model = find(self._name, self._directory)
            self._starting = asyncio.create_task(self._start(model, self._starting))
        starting = self._starting
        async with model_timeout(self._first_token_timeout, "the model did not load"):
            await asyncio.wait([starting])  # and go on with it if this caller leaves: others may wait for it
        if starting.cancelled():
            raise ModelUnavailable("the embedded model was stopped while it loaded")
        return starting.result()

    async def _start(self, model: Path, before: asyncio.Task[LlamaServer] | None) -> LlamaServer:
        await _close(before)
        try:
            with _translated():
                server = await start(model, self._options)
        except ModelUnavailable as error:
            self._breaker.failed(error)
            raise
        self._breaker.succeeded()
        return server


def _result(starting: asyncio.Task[LlamaServer] | None) -> LlamaServer | None:
    """None unless it has started."""
    if starting is None or not starting.done() or starting.cancelled() or starting.exception():
        return None
    return starting.result()


async def _close(starting: asyncio.Task[LlamaServer] | None) -> None:
    if starting:
        await asyncio.wait([starting])
    if server := _result(starting):
        await server.close()


async def _count(server: LlamaServer, text: str) -> int:
    response = await server.http.post("/tokenize", json={"content": text})
    return len(response.json()["tokens"])


def _read(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        field, _, value = line.partition(b": ")
        if field != b"data" or value.startswith(b"[DONE]"):
            continue
        event: dict[str, Any] = json.loads(value)
        if "error" in event:
            raise ModelUnavailable("the embedded model failed while it wrote")
        yield event


def _refusal(error: dict[str, Any]) -> Exception:
    if error["type"] == "exceed_context_size_error":
        return PromptTooLong(
            "the prompt has more tokens than the model's context window", error["n_prompt_tokens"]
        )
    return ModelUnavailable("the embedded model refused the prompt")


def _text(choice: dict[str, Any]) -> str | None:
    """Chats tell the text as a change of the message; some events have none."""
    text: str | None = choice["delta"].get("content") if "delta" in choice else choice["text"]
    return text


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, OSError) as error:
        raise ModelUnavailable(_NO_ANSWER) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        log_unreadable(error)
        raise ModelUnavailable(_NO_ANSWER) from error
