"""Index and model behind a circuit breaker, with one second try where the connection was lost."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from typing import TypeVar

from app.embedders.base import Vector
from app.errors import AskdError, ModelTimeout, ModelUnavailable, SearchUnavailable
from app.indexes.base import SearchIndex, SearchResult
from app.indexes.manifest import Manifest
from app.models.base import Chunk, LanguageModel, ModelProfile, ModelStatus, Prompt
from app.traffic.circuit_breaker import Breaker, Refused, RetryBudget

T = TypeVar("T")
_Guard = Callable[[type[Exception], Refused], AbstractContextManager[None]]
_MODEL_FAILURES = (ModelUnavailable, ModelTimeout)


class GuardedIndex:
    """A `SearchIndex` that asks another one."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self.breaker = Breaker()
        self._budget = RetryBudget()

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> SearchResult:
        return await self._guarded(
            self.breaker.call,
            lambda: self._index.search(question, vector=vector, collection=collection, size=size),
        )

    async def manifest(self) -> Manifest:
        return await self._guarded(self.breaker.lookup, self._index.manifest)

    async def _guarded(self, guard: _Guard, work: Callable[[], Awaitable[T]]) -> T:
        try:
            with guard(SearchUnavailable, _search_spared):
                result = await work()
        except SearchUnavailable as error:
            if not (error.retryable and self._budget.spend()):
                raise
            with guard(SearchUnavailable, _search_spared):
                return await work()
        self._budget.succeeded()
        return result


class GuardedModel:
    """A `LanguageModel` that asks another one. What tells how the model is goes through in any case."""

    def __init__(self, llm: LanguageModel) -> None:
        self._llm = llm
        self.breaker = Breaker()
        self._budget = RetryBudget()

    async def load(self) -> None:
        await self._llm.load()
        self.breaker.succeeded()

    async def status(self) -> ModelStatus:
        return await self._llm.status()

    async def profile(self) -> ModelProfile:
        with self.breaker.lookup(_MODEL_FAILURES, _model_spared):
            return await self._llm.profile()

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return await self._llm.count_tokens(texts)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        second = False
        while True:
            began = False
            try:
                with self.breaker.call(_MODEL_FAILURES, _model_spared):
                    async with aclosing(self._llm.generate(prompt)) as chunks:
                        async for chunk in chunks:
                            if not began:
                                began = True
                                self.breaker.succeeded()  # it works: others need not wait for the end
                            yield chunk
            except AskdError as error:
                if began or second or not (error.retryable and self._budget.spend()):
                    raise
                second = True
            else:
                self._budget.succeeded()
                return


def _search_spared(last: str, seconds: int) -> SearchUnavailable:
    return SearchUnavailable(_spared("the search engine", last, seconds), retry_after=seconds)


def _model_spared(last: str, seconds: int) -> ModelUnavailable:
    return ModelUnavailable(_spared("the model's runtime", last, seconds), retry_after=seconds)


def _spared(who: str, last: str, seconds: int) -> str:
    """With what was said of the last failure: it may tell what to do."""
    return f"{last}; {who} failed several times in a row, askd tries it again in {seconds} seconds"
