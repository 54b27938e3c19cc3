"""A language model behind a circuit breaker."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from app.errors import ModelTimeout, ModelUnavailable
from app.models.base import Chunk, LanguageModel, ModelProfile, ModelStatus, Prompt
from app.traffic.circuit_breaker import CircuitBreaker, advice

_FAILURES = (ModelUnavailable, ModelTimeout)


class GuardedModel:
    """A `LanguageModel` that asks another one, unless that has failed several times in a row.

    A generation is sent once: a retry could have the model write the same answer twice. Loading and status
    are never refused, so that it shows when the model is back.
    """

    def __init__(self, llm: LanguageModel, breaker: CircuitBreaker | None = None) -> None:
        self._llm = llm
        self.breaker = breaker or CircuitBreaker()

    async def load(self) -> None:
        await self._llm.load()
        self.breaker.succeeded()

    async def status(self) -> ModelStatus:
        return await self._llm.status()

    async def profile(self) -> ModelProfile:
        with self.breaker.lookup(_FAILURES, _refusal):
            return await self._llm.profile()

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return await self._llm.count_tokens(texts)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        began = False
        with self.breaker.call(_FAILURES, _refusal):
            async with aclosing(self._llm.generate(prompt)) as chunks:
                async for chunk in chunks:
                    if not began:
                        began = True
                        self.breaker.succeeded()  # other callers need not wait for the end of the answer
                    yield chunk


def _refusal(last: str, seconds: int) -> ModelUnavailable:
    return ModelUnavailable(advice("the model's runtime", last, seconds), retry_after=seconds)
