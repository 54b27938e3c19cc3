"""Generation by an OpenAI-compatible server."""

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import httpx

from app.domain import Usage
from app.errors import ModelTimeout, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, ModelProfile, ModelStatus, Prompt, PromptStyle
from app.models.estimate import TokenEstimate
from app.models.http import WholeLines, translated
from app.models.openai.replies import Delta, events, missing, refused
from app.models.openai.requests import Dialect, chosen
from app.models.served import ServedModel
from app.traffic.circuit_breaker import CircuitBreaker
from app.traffic.deadline import GenerationTimeouts, model_timeout

_METADATA_SECONDS = 10.0
_LONGEST_ERROR = 1 << 16  # bytes of one that are read
_BROKEN_OFF = ("error", "abort", "content_filter")  # reasons to stop that leave half an answer
_NO_LIST = (403, 404, 405, 501)  # servers that do not tell which models they have


class OpenAIModel(ServedModel):
    """A generation is sent once, unless the server refused a field of the request, and has not begun.

    The window is `num_ctx`, or the server's where that is smaller and told: some servers cut what is longer
    without a word, so a prompt that seems too long is not sent.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: str,
        *,
        style: PromptStyle,
        num_ctx: int,
        seed: int,
        first_token_timeout: float,
        generate_timeout: float,
        breaker: CircuitBreaker | None = None,
        host: str | None = None,
    ) -> None:
        super().__init__(
            name,
            num_ctx,
            first_token_timeout=first_token_timeout,
            generate_timeout=generate_timeout,
            breaker=breaker,
            host=host,
        )
        self._client = client
        self._style = style
        self._seed = seed
        self._dialect = Dialect()

    async def load(self) -> None:
        """Such a server loads its model itself: this sees that it has it. Raises ModelMissing."""
        await self._metadata()
        self.breaker.succeeded()

    async def _read_profile(self) -> ModelProfile:
        return self._described(await self._metadata())

    async def status(self) -> ModelStatus:
        """A model that is served counts as loaded: nothing tells whether it is."""
        try:
            found = await self._listed()
        except ModelTimeout as error:
            raise ModelUnavailable(str(error)) from error
        own = self._own(found or [])
        if own and self._profile and self._profile.digest != (described := self._described(own)).digest:
            self._profile, self._dialect, self._estimate = described, Dialect(), TokenEstimate()
        present = found is None or own is not None
        return ModelStatus(self._shown, present=present, loaded=present)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        timeouts = GenerationTimeouts(self._first_token_timeout, self._generate_timeout)
        self._refuse_what_is_too_long(prompt)
        with self._generating(prompt), translated("the OpenAI-compatible server", "ASKD_OPENAI_URL"):
            async with aclosing(self._reply(prompt)) as reply:
                async for chunk in self._chunks(reply, prompt, timeouts):
                    yield chunk

    def _refuse_what_is_too_long(self, prompt: Prompt) -> None:
        window = self._profile.context_tokens if self._profile else self._num_ctx
        counted = self._estimate.count(prompt.text)
        if counted > window:
            raise PromptTooLong("the prompt has more tokens than the model's context window", counted)

    async def _chunks(
        self, reply: AsyncGenerator[Delta], prompt: Prompt, timeouts: GenerationTimeouts
    ) -> AsyncGenerator[Chunk]:
        finish, usage, pieces, thought, text = None, None, 0, False, ""
        while (delta := await timeouts.next(reply)) is not None:
            finish, usage = delta.finish or finish, delta.usage or usage
            thought = thought or delta.reasoning
            if (delta.text or delta.reasoning) and not timeouts.began:
                timeouts.began = True
                self.breaker.succeeded()  # other callers need not wait for the whole answer
                if prompt.choices or not delta.text:
                    yield Chunk("")
            if delta.text:
                pieces += 1
                text += delta.text
                if not prompt.choices:
                    yield Chunk(delta.text)
        if finish is None:
            raise ModelUnavailable("the server at ASKD_OPENAI_URL broke off in the middle of its answer")
        if finish in _BROKEN_OFF:
            raise ModelUnavailable("the server at ASKD_OPENAI_URL broke off in the middle of its answer")
        cut = finish == "length"
        if thought and not text:
            raise ModelUnavailable(
                "the model spent its whole answer on thoughts: switch its reasoning off at the server, or "
                "raise ASKD_ANSWER_TOKENS"
            )
        if prompt.choices:
            choice = chosen(text)
            if choice not in prompt.choices:
                raise ModelUnavailable("the model did not keep to the choices it was given")
            cut = False
            yield Chunk(choice)
        usage = usage or Usage(self._estimate.count(prompt.text), pieces)
        self._estimate.learn(prompt.text, usage.prompt_tokens)
        yield Chunk("", usage, cut)

    async def _reply(self, prompt: Prompt) -> AsyncGenerator[Delta]:
        """Up to the end. Closing it hangs up, which makes the server stop."""
        while True:
            path, body = self._dialect.body(self._name, prompt, self._seed)
            async with self._client.stream("POST", path, json=body) as response:
                if response.status_code == 200:
                    async for block in WholeLines(response.aiter_raw()):
                        for delta in events(block):
                            if delta is None:
                                return
                            yield delta
                    return
                told = await _told(response)
                error = refused(response.status_code, told, response.headers.get("Retry-After"), self._name)
                may_teach = response.status_code in (400, 422) and not isinstance(error, PromptTooLong)
                if not may_teach or not self._dialect.learn(told, body):
                    raise error

    # --- metadata ---

    async def _metadata(self) -> Mapping[str, Any]:
        """What the server says of the model; nothing where it lists none. Raises ModelMissing."""
        found = await self._listed()
        if found is None:
            return {}
        own = self._own(found)
        if own is None:
            raise missing(self._name, [str(model["id"]) for model in found])
        return own

    async def _listed(self) -> list[dict[str, Any]] | None:
        async with model_timeout(_METADATA_SECONDS, "the server at ASKD_OPENAI_URL did not list its models"):
            with translated("the OpenAI-compatible server", "ASKD_OPENAI_URL"):
                response = await self._client.get("models")
                if response.status_code in _NO_LIST:
                    return None
                if response.status_code != 200:
                    raise refused(response.status_code, response.text, None, self._name)
                listed: list[dict[str, Any]] = response.json()["data"]
                return [model for model in listed if model["id"]] or None

    def _own(self, listed: list[dict[str, Any]]) -> dict[str, Any] | None:
        """This model among those listed; Ollama lists it with its tag."""
        return next((model for model in listed if model["id"] in (self._name, f"{self._name}:latest")), None)

    def _described(self, told: Mapping[str, Any]) -> ModelProfile:
        meta = told.get("meta") or {}  # llama-server's
        windows = [meta.get("n_ctx"), told.get("max_model_len"), told.get("max_context_length")]
        build = [self._name, told.get("root"), meta]  # not where it is: servers of a pool have the same model
        return ModelProfile(
            name=self._shown,
            digest=hashlib.sha256(json.dumps(build, sort_keys=True).encode()).hexdigest(),
            style=self._style,
            context_tokens=min(
                [self._num_ctx, *(size for size in windows if isinstance(size, int) and size)]
            ),
            parameters=meta.get("n_params"),
        )


async def _told(response: httpx.Response) -> str:
    """The beginning of the body of an error."""
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > _LONGEST_ERROR:
            break
    return body[:_LONGEST_ERROR].decode("utf-8", "replace")
