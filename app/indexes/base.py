"""The ports of indexes: SearchIndex reads, IndexStore writes. Every index passes one contract suite
(`tests/contract/`), the one in memory that tests use included."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.indexes.manifest import IndexVersion, Manifest
from app.ranking.candidates import Candidates, WordStatistics


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """An entry as it is written to an index; `vector` is None in an index without an embedder."""

    entry: FaqEntry
    vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one search found, with the manifest and the word statistics of the version that it searched.

    One value, so that all three are of the same version: another one may take over between two calls.
    """

    manifest: Manifest
    statistics: WordStatistics
    candidates: Candidates


class SearchIndex(Protocol):
    """The reading side of an index: what a request needs."""

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> SearchResult:
        """Up to `size` candidates by words and, with a `vector`, up to `size` more by meaning.

        The `vector` must come from the embedder that the manifest names; an index without vectors
        ignores it. A candidate of both lists carries both signals. The version searched may be another
        than the last `manifest` was of: compare before you use the vector's signals.

        Raises SearchUnavailable, IndexMissing or IndexUnreadable.
        """
        ...

    async def manifest(self) -> Manifest:
        """Describes the current version, at most a second old. Raises as `search`."""
        ...


class IndexStore(Protocol):
    """The writing side of an index: what ingest needs."""

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        """Write a new version beside the old one, check it, then switch to it in one step.

        Readers see the old version or the new one, never a part. The version that was current is
        kept, older ones and what killed ingests left behind are removed. `progress` is told how
        many more entries were written. Every record has a vector when `manifest.embedder` is set,
        and none otherwise.

        Raises SearchUnavailable, IngestConflict or BadSettings; the old version then keeps serving.
        """
        ...

    async def versions(self) -> Sequence[IndexVersion]:
        """Newest first, without what cannot be read; empty when nothing was ever ingested.

        Raises SearchUnavailable.
        """
        ...

    async def rollback(self) -> IndexVersion:
        """Switch to the version that served before the current one; a second time switches back.

        Raises SearchUnavailable, NoPreviousVersion or IngestConflict.
        """
        ...

    def records(self) -> AsyncIterator[FaqEntry]:
        """The current version's entries, whole, also when another askd wrote them.

        Raises SearchUnavailable, IndexMissing or IndexUnreadable.
        """
        ...
