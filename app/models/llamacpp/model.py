"""Generation in this process, by llama.cpp (package xllamacpp)."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from itertools import groupby
from os.path import commonprefix
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from app.domain import Usage
from app.errors import ModelMissing, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt, PromptStyle
from app.models.catalogue import find
from app.models.llamacpp.server import LlamaServer, ServerOptions, start
from app.models.timeouts import deadline, in_time

_COUNTS_KEPT = 4096  # texts whose tokens are not counted again
_GRAMMAR_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"})


class LlamaCppModel:
    """A `LanguageModel`; timeouts in seconds. An async context manager: leaving it frees the memory.

    `name` is a known model, looked for in `directory`, or the path of a GGUF file.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        options: ServerOptions,
        *,
        first_token_timeout: float,
        generate_timeout: float,
    ) -> None:
        self._name = name
        self._directory = directory
        self._options = options
        self._first_token_timeout = first_token_timeout
        self._generate_timeout = generate_timeout
        self._starting: asyncio.Task[LlamaServer] | None = None
        self._one_at_a_time = asyncio.Lock()  # the model has one slot; who waits here may leave at once
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        starting, self._starting = self._starting, None
        if starting:
            await asyncio.wait([starting])
            if _succeeded(starting):
                await starting.result().close()

    async def load(self) -> None:
        await self._server()

    async def profile(self) -> ModelProfile:
        server = await self._server()
        name = Path(self._name).name
        return ModelProfile(name, server.digest, server.style, server.context_tokens, server.parameters)

    async def status(self) -> ModelStatus:
        try:
            find(self._name, self._directory)
        except ModelMissing:
            present = False
        else:
            present = True
        loaded = self._starting is not None and _succeeded(self._starting)
        size = self._starting.result().size_bytes if self._starting and loaded else None
        return ModelStatus(Path(self._name).name, present or loaded, loaded, size_bytes=size)

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        server = await self._server()
        with _translated():
            return await asyncio.gather(*(self._count(server, text) for text in texts))

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        reply = in_time(self._reply(prompt), first=self._first_token_timeout, total=self._generate_timeout)
        async with aclosing(reply) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _server(self) -> LlamaServer:
        """The running server, started by whoever comes first; a start that failed is tried again."""
        if self._starting is None or (self._starting.done() and not _succeeded(self._starting)):
            model = find(self._name, self._directory)
            self._starting = asyncio.create_task(start(model, self._options))
        async with deadline(self._first_token_timeout, "the model did not load"):
            with _translated():
                return await asyncio.shield(self._starting)  # others may wait for it, too

    async def _count(self, server: LlamaServer, text: str) -> int:
        if text not in self._counts:
            async with server.session.post("/tokenize", json={"content": text}) as response:
                self._counts[text] = len((await response.json())["tokens"])
            if len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        self._counts.move_to_end(text)
        return self._counts[text]

    async def _reply(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        server = await self._server()
        path, body = _request(prompt)
        usage, cut = None, False
        with _translated():
            # Closing the response hangs up, which makes the model stop.
            async with self._one_at_a_time, server.session.post(path, json=body) as response:
                await _refuse(response)
                async for event in _events(response):
                    for choice in event["choices"]:
                        cut = cut or choice["finish_reason"] == "length"
                        if text := _text(choice):
                            yield Chunk(text)
                    if counted := event.get("usage"):
                        usage = Usage(counted["prompt_tokens"], counted["completion_tokens"])
        if usage is None:
            raise ModelUnavailable("the embedded model broke off in the middle of its answer")
        yield Chunk("", usage, cut)


def _succeeded(task: asyncio.Task[LlamaServer]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _request(prompt: Prompt) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # an event after each step: where a hang-up is noticed in a long prompt
        "cache_prompt": True,
        "temperature": 0,
        "max_tokens": prompt.max_answer_tokens,
    }
    if prompt.choices:
        # Held to words it would not choose, a model spells in smaller tokens; the choices are limit enough.
        body["max_tokens"] = 2 * prompt.max_answer_tokens
        body["grammar"] = f"root ::= {_grammar(prompt.choices)}"
    elif prompt.stop:
        body["stop"] = list(prompt.stop)
    if prompt.style is PromptStyle.COMPLETION:
        return "/v1/completions", {**body, "prompt": prompt.messages[0].content}
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    # Thoughts would use up the answer's tokens; templates that know none ignore the argument.
    return "/v1/chat/completions", {
        **body,
        "messages": messages,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def _grammar(choices: Collection[str]) -> str:
    """One of the choices, common beginnings told once: each open alternative costs time at every token."""
    shared = commonprefix(list(choices))  # noqa: RUF071 (of texts, not of paths)
    rests = {choice[len(shared) :] for choice in choices}
    branches = [_grammar(list(group)) for _, group in groupby(sorted(rests - {""}), key=lambda rest: rest[0])]
    ending = f" ({' | '.join(branches)}){'?' if '' in rests else ''}" if branches else ""
    return f'"{shared.translate(_GRAMMAR_ESCAPES)}"{ending}'


async def _refuse(response: aiohttp.ClientResponse) -> None:
    """Raises when the server says no."""
    if response.status == 200:
        return
    error = (await response.json())["error"]
    if error["type"] == "exceed_context_size_error":
        raise PromptTooLong(
            "the prompt has more tokens than the model's context window", error["n_prompt_tokens"]
        )
    raise ModelUnavailable("the embedded model refused the prompt")


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The server-sent events up to the last one. Raises ModelUnavailable for an error among them."""
    async for line in response.content:
        field, _, value = line.decode().partition(": ")
        if field != "data" or value.startswith("[DONE]"):
            continue
        event = json.loads(value)
        if "error" in event:
            raise ModelUnavailable("the embedded model failed while it wrote")
        yield event


def _text(choice: dict[str, Any]) -> str | None:
    """Chats tell the text as a change of the message; some events have none."""
    text: str | None = choice["delta"].get("content") if "delta" in choice else choice["text"]
    return text


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError) as error:
        raise ModelUnavailable("the embedded model did not answer as it should") from error
