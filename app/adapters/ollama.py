"""Generation by an Ollama server, through its official client."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar, cast

import httpx
from httpx_aiohttp import AiohttpTransport
from ollama import AsyncClient, ChatResponse, ListResponse, ProcessResponse

from app.adapters import ollama_profile
from app.adapters.deadlines import deadline, in_time
from app.adapters.json_text import unquoted
from app.adapters.ollama_errors import translated
from app.adapters.ollama_requests import Part, Runner, generation, loading
from app.domain import Chunk, ModelProfile, ModelStatus, Prompt, Usage
from app.errors import ModelError, ModelTimeout, ModelUnavailable, PromptTooLong
from app.token_estimate import TokenEstimate

_METADATA_SECONDS = 10.0  # for questions that need no model in memory
_Listed = TypeVar("_Listed", ListResponse.Model, ProcessResponse.Model)


@asynccontextmanager
async def open_client(url: str, connect_timeout: float) -> AsyncIterator[AsyncClient]:
    """A client that goes to `url` and nowhere else: no proxy, no redirect.

    It rides on aiohttp, which takes less than half the CPU time of httpx's own transport.
    """
    async with AsyncClient(
        url,
        # The number of slots is the limit, not that of connections; idle ones are few all the same.
        transport=AiohttpTransport(limits=httpx.Limits(max_connections=None, max_keepalive_connections=64)),
        timeout=httpx.Timeout(None, connect=connect_timeout),  # OllamaModel keeps the other deadlines
        trust_env=False,
        follow_redirects=False,
    ) as client:
        yield client


class OllamaModel:
    """A `LanguageModel`; timeouts in seconds."""

    def __init__(
        self,
        client: AsyncClient,
        name: str,
        runner: Runner,
        *,
        first_token_timeout: float,
        generate_timeout: float,
    ) -> None:
        self._client = client
        self._name = name
        self._runner = runner
        self._first_token_timeout = first_token_timeout
        self._generate_timeout = generate_timeout
        self._profile: ModelProfile | None = None
        self._estimate = TokenEstimate()

    async def load(self) -> None:
        async with deadline(self._first_token_timeout, "Ollama did not load the model"):
            with translated(self._name):
                body = loading(self._runner, self._name)
                async with aclosing(await self._post("/api/chat", ChatResponse, body)) as parts:
                    async for _ in parts:
                        pass

    async def profile(self) -> ModelProfile:
        if self._profile is None:
            async with deadline(_METADATA_SECONDS, "Ollama did not describe the model"):
                with translated(self._name):
                    shown = await self._client.show(self._name)
                    listed = self._mine((await self._client.list()).models)
            self._profile = ModelProfile(
                name=self._name,
                digest=(listed and listed.digest) or "",
                style=ollama_profile.style(shown),
                context_tokens=ollama_profile.context_tokens(shown, self._runner.num_ctx),
                parameters=ollama_profile.parameters(shown),
            )
        return self._profile

    async def status(self) -> ModelStatus:
        try:
            async with deadline(_METADATA_SECONDS, "Ollama did not say how the model is"):
                with translated(self._name):
                    listed = self._mine((await self._client.list()).models)
                    loaded = self._mine((await self._client.ps()).models)
        except ModelTimeout as error:
            raise ModelUnavailable(str(error)) from error
        if listed and self._profile and listed.digest != self._profile.digest:
            self._profile = None  # it was pulled anew
        return ModelStatus(
            name=self._name,
            present=listed is not None,
            loaded=loaded is not None,
            size_bytes=loaded.size if loaded else None,
            gpu_bytes=loaded.size_vram if loaded else None,
        )

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return [self._estimate.count(text) for text in texts]

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        text = _text(prompt)
        reply = self._reply(prompt)
        if prompt.choices:
            reply = unquoted(reply, prompt.choices)
        reply = in_time(reply, first=self._first_token_timeout, total=self._generate_timeout)
        try:
            async with aclosing(reply) as chunks:
                async for chunk in chunks:
                    if chunk.usage:
                        self._estimate.learn(text, chunk.usage.prompt_tokens)
                    yield chunk
        except PromptTooLong as error:
            self._estimate.learn(text, error.prompt_tokens or self._runner.num_ctx)
            raise
        except ModelError:
            self._profile = None  # what comes back may be another model
            raise

    async def _reply(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        path, kind, body = generation(self._runner, self._name, prompt)
        usage = None
        with translated(self._name):
            # Closing hangs up, which makes Ollama stop.
            async with aclosing(await self._post(path, kind, body)) as parts:
                async for part in parts:
                    text = part.message.content if isinstance(part, ChatResponse) else part.response
                    usage = self._usage(part, prompt) if part.done else None
                    if text or usage:
                        yield Chunk(text or "", usage, cut=part.done_reason == "length")
        if usage is None:
            raise ModelUnavailable("Ollama broke off in the middle of its answer")

    def _usage(self, last: Part, prompt: Prompt) -> Usage:
        counted = last.prompt_eval_count or self._estimate.count(_text(prompt))
        return Usage(counted, last.eval_count or 0)

    async def _post(self, path: str, kind: type[Part], body: Mapping[str, object]) -> AsyncGenerator[Part]:
        # The client's own chat() cannot say "truncate": false. This is what chat() does, with our body.
        parts = await self._client._request(kind, "POST", path, json=body, stream=True)
        return cast("AsyncGenerator[Part]", parts)

    def _mine(self, models: Sequence[_Listed]) -> _Listed | None:
        mine = ollama_profile.full_name(self._name)
        return next((model for model in models if ollama_profile.full_name(model.model or "") == mine), None)


def _text(prompt: Prompt) -> str:
    return "".join(message.content for message in prompt.messages)
