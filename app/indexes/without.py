"""An index as if it did not hold some entries."""

from dataclasses import dataclass, replace

from app.embedders.base import Vector
from app.indexes.base import SearchIndex, SearchResult
from app.indexes.manifest import Manifest


@dataclass(frozen=True)
class IndexWithout:
    """A `SearchIndex`.

    The entries are struck from the candidates, and as many more are asked for. What is left is what an index
    made without them would find, but for the word frequencies, which still count them: a handful among
    all entries. The other way is an index made anew for every question.
    """

    index: SearchIndex
    removed: frozenset[tuple[str, str]]

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> SearchResult:
        result = await self.index.search(
            question, vector=vector, collection=collection, size=size + len(self.removed)
        )
        found = result.candidates.found
        left = [candidate for candidate in found if candidate.entry.key not in self.removed]
        return replace(result, candidates=replace(result.candidates, found=left))

    async def manifest(self) -> Manifest:
        return await self.index.manifest()
