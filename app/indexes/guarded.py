"""A search index behind a circuit breaker."""

from app.embedders.base import Vector
from app.errors import SearchUnavailable
from app.indexes.base import SearchIndex, SearchResult
from app.indexes.manifest import Manifest
from app.traffic.circuit_breaker import CircuitBreaker, advice


class GuardedIndex:
    """A `SearchIndex` that asks another one, unless that has failed several times in a row."""

    def __init__(self, index: SearchIndex, breaker: CircuitBreaker | None = None) -> None:
        self._index = index
        self.breaker = breaker or CircuitBreaker()

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> SearchResult:
        with self.breaker.call(SearchUnavailable, _refusal):
            return await self._index.search(question, vector=vector, collection=collection, size=size)

    async def manifest(self) -> Manifest:
        with self.breaker.lookup(SearchUnavailable, _refusal):
            return await self._index.manifest()


def _refusal(last: str, seconds: int) -> SearchUnavailable:
    return SearchUnavailable(advice("the search engine", last, seconds), retry_after=seconds)
