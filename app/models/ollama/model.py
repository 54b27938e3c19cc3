"""Generation by an Ollama server."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar, cast

from ollama import AsyncClient, ChatResponse, GenerateResponse, ListResponse, ProcessResponse

from app.domain import Usage
from app.errors import ModelTimeout, ModelUnavailable
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt
from app.models.choices import ChoiceReader
from app.models.ollama import profile as ollama_profile
from app.models.ollama.client import cached_tokens, translated
from app.models.ollama.lost_slots import SUSPICIOUS, LostSlots
from app.models.ollama.runner import Runner
from app.models.served import ServedModel
from app.traffic.circuit_breaker import CircuitBreaker
from app.traffic.deadline import GenerationTimeouts, model_timeout

_METADATA_SECONDS = 10.0  # for requests that need no model in memory

_Part = ChatResponse | GenerateResponse
_Listed = TypeVar("_Listed", ListResponse.Model, ProcessResponse.Model)


class OllamaModel(ServedModel):
    """A generation is sent once: a retry could have the model write the same answer twice."""

    def __init__(
        self,
        client: AsyncClient,
        name: str,
        runner: Runner,
        *,
        first_token_timeout: float,
        generate_timeout: float,
        breaker: CircuitBreaker | None = None,
        host: str | None = None,
    ) -> None:
        super().__init__(
            name,
            runner.num_ctx,
            first_token_timeout=first_token_timeout,
            generate_timeout=generate_timeout,
            breaker=breaker,
            host=host,
        )
        self._client = client
        self._runner = runner
        self._lost_slots = LostSlots(client, name, runner)

    async def load(self) -> None:
        async with model_timeout(self._first_token_timeout, "Ollama did not load the model"):
            with translated(self._name):
                # Without messages Ollama only loads the model.
                await self._client.chat(**self._runner.arguments(self._name), messages=[])
        self.breaker.succeeded()

    async def _read_profile(self) -> ModelProfile:
        async with model_timeout(_METADATA_SECONDS, "Ollama did not describe the model"):
            with translated(self._name):
                shown = await self._client.show(self._name)
                listed = self._own((await self._client.list()).models)
                ollama_profile.check(shown)
        return ModelProfile(
            name=self._shown,
            digest=(listed and listed.digest) or "",
            style=ollama_profile.style(shown),
            context_tokens=ollama_profile.context_tokens(shown, self._runner.num_ctx),
            parameters=ollama_profile.parameters(shown),
            control_tokens=ollama_profile.control_tokens(shown),
        )

    async def status(self) -> ModelStatus:
        try:
            async with model_timeout(_METADATA_SECONDS, "Ollama did not say how the model is"):
                with translated(self._name):
                    listed = self._own((await self._client.list()).models)
                    loaded = self._own((await self._client.ps()).models)
        except ModelTimeout as error:
            raise ModelUnavailable(str(error)) from error
        if listed and self._profile and (listed.digest or "") != self._profile.digest:
            self._profile = None  # it was pulled again
        return ModelStatus(
            name=self._shown,
            present=listed is not None,
            loaded=loaded is not None,
            size_bytes=loaded.size if loaded else None,
            gpu_bytes=loaded.size_vram if loaded else None,
        )

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        timeouts = GenerationTimeouts(self._first_token_timeout, self._generate_timeout)
        choice = ChoiceReader(prompt.choices) if prompt.choices else None
        with self._generating(prompt), translated(self._name), self._watched(timeouts):
            # Closing the reply hangs up, which makes Ollama stop.
            async with aclosing(await self._reply(prompt)) as reply:
                while (part := await timeouts.next(reply)) is not None:
                    text = _text(part)
                    if begins := not timeouts.began:
                        timeouts.began = True
                        self.breaker.succeeded()  # others need not wait for the end of the answer
                    if choice:
                        text = choice.feed(text)
                    if text or begins:
                        yield Chunk(text)
                    if part.done:
                        yield self._last(part, prompt, choice)
                        return
            raise ModelUnavailable("Ollama broke off in the middle of its answer")

    @contextmanager
    def _watched(self, timeouts: GenerationTimeouts) -> Iterator[None]:
        try:
            yield
        finally:
            if not timeouts.began and timeouts.waited > SUSPICIOUS:
                self._lost_slots.suspect()

    async def close(self) -> None:
        """End what runs in the background. The client is closed by who opened it."""
        await self._lost_slots.close()

    async def _reply(self, prompt: Prompt) -> AsyncGenerator[_Part]:
        arguments = _arguments(self._runner, self._name, prompt)
        if prompt.style.plain_text:
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
        text = prompt.text
        counted = part.prompt_eval_count or self._estimate.count(text)
        self._estimate.learn(text, counted)
        return Chunk("", Usage(counted, part.eval_count or 0, cached_tokens()), cut)

    def _own(self, listed: Iterable[_Listed]) -> _Listed | None:
        """This model among those that Ollama lists."""
        mine = ollama_profile.full_name(self._name)
        return next((each for each in listed if ollama_profile.full_name(each.model or "") == mine), None)


def _text(part: _Part) -> str:
    return (part.message.content if isinstance(part, ChatResponse) else part.response) or ""


def _arguments(runner: Runner, model: str, prompt: Prompt) -> Mapping[str, Any]:
    """The arguments that all styles of prompts share."""
    if prompt.choices:
        # Ollama can be held to JSON only. Its escapes take tokens, too, and the choices are limit enough.
        arguments = runner.arguments(model, num_predict=2 * prompt.max_answer_tokens)
        return arguments | {"format": {"type": "string", "enum": list(prompt.choices)}}
    if prompt.stop:
        return runner.arguments(model, num_predict=prompt.max_answer_tokens, stop=list(prompt.stop))
    # No empty `stop`: it would take the place of the model's own.
    return runner.arguments(model, num_predict=prompt.max_answer_tokens)
