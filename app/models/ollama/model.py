"""Generation by an Ollama server."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import TypeVar, cast

from ollama import AsyncClient, ChatResponse, GenerateResponse, ListResponse, ProcessResponse

from app.domain import Usage
from app.errors import ModelError, ModelTimeout, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt, PromptStyle
from app.models.choices import ChoiceReader
from app.models.ollama import profile as ollama_profile
from app.models.ollama.errors import translated
from app.models.ollama.requests import Runner, generation
from app.models.timeouts import GenerationTimeouts, limit
from app.models.token_estimate import TokenEstimate

_METADATA_SECONDS = 10.0  # for questions that need no model in memory

_Part = ChatResponse | GenerateResponse
_Listed = TypeVar("_Listed", ListResponse.Model, ProcessResponse.Model)


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
        async with limit(self._first_token_timeout, "Ollama did not load the model"):
            with translated(self._name):
                # Without messages Ollama only loads the model.
                await self._client.chat(**self._runner.arguments(self._name), messages=[])

    async def profile(self) -> ModelProfile:
        if self._profile is None:
            async with limit(_METADATA_SECONDS, "Ollama did not describe the model"):
                with translated(self._name):
                    shown = await self._client.show(self._name)
                    listed = self._own((await self._client.list()).models)
                    ollama_profile.check(shown)
            self._profile = ModelProfile(
                name=self._name,
                digest=(listed and listed.digest) or "",
                style=ollama_profile.style(shown),
                context_tokens=ollama_profile.context_tokens(shown, self._runner.num_ctx),
                parameters=ollama_profile.parameters(shown),
                control_tokens=ollama_profile.control_tokens(shown),
            )
        return self._profile

    async def status(self) -> ModelStatus:
        try:
            async with limit(_METADATA_SECONDS, "Ollama did not say how the model is"):
                with translated(self._name):
                    listed = self._own((await self._client.list()).models)
                    loaded = self._own((await self._client.ps()).models)
        except ModelTimeout as error:
            raise ModelUnavailable(str(error)) from error
        if listed and self._profile and (listed.digest or "") != self._profile.digest:
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
        timeouts = GenerationTimeouts(self._first_token_timeout, self._generate_timeout)
        choice = ChoiceReader(prompt.choices) if prompt.choices else None
        try:
            with translated(self._name):
                # Closing the reply hangs up, which makes Ollama stop.
                async with aclosing(await self._reply(prompt)) as reply:
                    while (part := await timeouts.next(reply)) is not None:
                        timeouts.began = True
                        text = _text(part)
                        if choice:
                            text = choice.feed(text)
                        if text:
                            yield Chunk(text)
                        if part.done:
                            yield self._last(part, prompt, choice)
                            return
            raise ModelUnavailable("Ollama broke off in the middle of its answer")
        except PromptTooLong as error:
            self._estimate.learn(_prompt_text(prompt), error.prompt_tokens or self._runner.num_ctx)
            raise
        except ModelError:
            self._profile = None  # what comes back may be another model
            raise

    async def _reply(self, prompt: Prompt) -> AsyncGenerator[_Part]:
        arguments = generation(self._runner, self._name, prompt)
        if prompt.style is PromptStyle.COMPLETION:
            # `chat` would put the text of a base model into a template it was never taught.
            (message,) = prompt.messages
            reply = await self._client.generate(**arguments, prompt=message.content, raw=True, stream=True)
            return cast("AsyncGenerator[_Part]", reply)
        messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
        return cast(
            "AsyncGenerator[_Part]", await self._client.chat(**arguments, messages=messages, stream=True)
        )

    def _last(self, part: _Part, prompt: Prompt, choice: ChoiceReader | None) -> Chunk:
        cut = part.done_reason == "length"
        if choice and not cut:
            choice.check()
        text = _prompt_text(prompt)
        counted = part.prompt_eval_count or self._estimate.count(text)
        self._estimate.learn(text, counted)
        return Chunk("", Usage(counted, part.eval_count or 0), cut)

    def _own(self, listed: Iterable[_Listed]) -> _Listed | None:
        """This model among those that Ollama lists."""
        mine = ollama_profile.full_name(self._name)
        return next((each for each in listed if ollama_profile.full_name(each.model or "") == mine), None)


def _text(part: _Part) -> str:
    return (part.message.content if isinstance(part, ChatResponse) else part.response) or ""


def _prompt_text(prompt: Prompt) -> str:
    return "".join(message.content for message in prompt.messages)
