"""An index with some entries hidden."""

from dataclasses import dataclass, replace

from app.embedders.base import Vector
from app.indexes.base import SearchIndex, SearchResult
from app.indexes.manifest import Manifest


@dataclass(frozen=True)
class IndexWithout:
    """A `SearchIndex`.

    Asks for as many more candidates as are hidden, and drops the hidden ones. That gives the results of an
    index built without them, except that word frequencies still count them, which hardly matters for a few
    entries; the alternative would be a new index for every question.
    """

    index: SearchIndex
    removed: frozenset[tuple[str, str]]

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        result = await self.index.search(
            question,
            vector=vector,
            collection=collection,
            size=size + len(self.removed),
            context=context,
        )
        found = result.candidates.found
        left = [candidate for candidate in found if candidate.entry.key not in self.removed]
        return replace(result, candidates=replace(result.candidates, found=left))

    async def manifest(self) -> Manifest:
        return await self.index.manifest()
