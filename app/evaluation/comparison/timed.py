"""A language model with a stopwatch."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from app.domain import Usage
from app.models.base import Chunk, LanguageModel, ModelProfile, ModelStatus, Prompt


@dataclass(frozen=True, slots=True)
class Generation:
    """One call of a model that it ended itself: tokens as the model's server counts them, and seconds."""

    prompt_tokens: int
    completion_tokens: int
    first_text: float  # from the call to the first text: reading the prompt, and one token
    rest: float  # from the first text to the end
    cached_tokens: int | None = None  # of the prompt: not read again; None: the server does not say

    @property
    def read_tokens(self) -> int:
        return self.prompt_tokens - (self.cached_tokens or 0)


@dataclass
class TimedModel:
    """A `LanguageModel` that keeps how long each generation took."""

    llm: LanguageModel
    clock: Callable[[], float] = time.perf_counter  # seconds
    generations: list[Generation] = field(default_factory=list)
    calls: int = 0

    def begin(self) -> None:
        """Of a further question."""
        self.generations.clear()
        self.calls = 0

    async def load(self) -> None:
        await self.llm.load()

    async def profile(self) -> ModelProfile:
        return await self.llm.profile()

    async def status(self) -> ModelStatus:
        return await self.llm.status()

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return await self.llm.count_tokens(texts)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        self.calls += 1
        called = self.clock()
        first: float | None = None
        async with aclosing(self.llm.generate(prompt)) as chunks:
            async for chunk in chunks:
                now = self.clock()
                if first is None and chunk.text:
                    first = now
                if chunk.usage and first is not None:
                    self.generations.append(_told(chunk.usage, first - called, now - first))
                yield chunk


def _told(usage: Usage, first_text: float, rest: float) -> Generation:
    cached = usage.cached_tokens
    return Generation(usage.prompt_tokens, usage.completion_tokens, first_text, rest, cached)
