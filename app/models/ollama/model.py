"""Generation by an Ollama server, over its HTTP API."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from app.domain import Usage
from app.errors import ModelError, ModelTimeout, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt
from app.models.json_text import unquoted
from app.models.ollama import profile as ollama_profile
from app.models.ollama.client import Client
from app.models.ollama.errors import translated
from app.models.ollama.requests import Runner, generation, loading
from app.models.timeouts import deadline, in_time
from app.models.token_estimate import TokenEstimate

_METADATA_SECONDS = 10.0  # for questions that need no model in memory


class OllamaModel:
    """A `LanguageModel`; timeouts in seconds."""

    def __init__(
        self,
        client: Client,
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
            body = loading(self._runner, self._name)
            async with aclosing(self._client.stream("/api/chat", self._name, body)) as replies:
                async for _ in replies:
                    pass

    async def profile(self) -> ModelProfile:
        if self._profile is None:
            async with deadline(_METADATA_SECONDS, "Ollama did not describe the model"):
                shown = await self._client.post("/api/show", self._name, {"model": self._name})
                listed = await self._listed("/api/tags")
            with translated():
                ollama_profile.check(shown)
                self._profile = ModelProfile(
                    name=self._name,
                    digest=(listed and listed.get("digest")) or "",
                    style=ollama_profile.style(shown),
                    context_tokens=ollama_profile.context_tokens(shown, self._runner.num_ctx),
                    parameters=ollama_profile.parameters(shown),
                )
        return self._profile

    async def status(self) -> ModelStatus:
        try:
            async with deadline(_METADATA_SECONDS, "Ollama did not say how the model is"):
                listed = await self._listed("/api/tags")
                loaded = await self._listed("/api/ps")
        except ModelTimeout as error:
            raise ModelUnavailable(str(error)) from error
        if listed and self._profile and listed.get("digest", "") != self._profile.digest:
            self._profile = None  # it was pulled anew
        return ModelStatus(
            name=self._name,
            present=listed is not None,
            loaded=loaded is not None,
            size_bytes=loaded.get("size") if loaded else None,
            gpu_bytes=loaded.get("size_vram") if loaded else None,
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
        path, body = generation(self._runner, self._name, prompt)
        usage = None
        async with aclosing(self._client.stream(path, self._name, body)) as replies:
            async for parts in replies:
                with translated():
                    text = "".join([_said(part) for part in parts])
                    last = parts[-1] if parts and parts[-1].get("done") else None
                    usage = last and self._usage(last, prompt)
                if text:
                    yield Chunk(text)
                if last and usage:
                    yield Chunk("", usage, cut=last.get("done_reason") == "length")
        if usage is None:
            raise ModelUnavailable("Ollama broke off in the middle of its answer")

    def _usage(self, last: Mapping[str, Any], prompt: Prompt) -> Usage:
        counted = last.get("prompt_eval_count") or self._estimate.count(_text(prompt))
        return Usage(int(counted), int(last.get("eval_count") or 0))

    async def _listed(self, path: str) -> dict[str, Any] | None:
        """This model, as /api/tags or /api/ps has it; None where it does not."""
        mine = ollama_profile.full_name(self._name)
        listed = await self._client.get(path, self._name)
        with translated():
            models: Iterable[dict[str, Any]] = listed["models"] or ()
            return next((each for each in models if ollama_profile.full_name(each["model"]) == mine), None)


def _said(part: Mapping[str, Any]) -> str:
    said: str = part["message"]["content"] if "message" in part else part["response"]
    return said


def _text(prompt: Prompt) -> str:
    return "".join(message.content for message in prompt.messages)
