"""The ports of indexes: SearchIndex reads, IndexStore writes. Every index passes one contract suite
(`tests/contract/`), including the in-memory fake."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.indexes.manifest import IndexVersion, Manifest
from app.ranking.candidates import Candidates, WordStatistics


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """An entry to be written to an index; `vector` is None in an index without an embedder."""

    entry: FaqEntry
    vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The candidates of one search, with the manifest and word statistics of the version that it searched.

    One value, so that all three are of the same version: the current version may change between two calls.
    """

    manifest: Manifest
    statistics: WordStatistics
    candidates: Candidates


class SearchIndex(Protocol):
    """The reading side of an index, used by requests."""

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        """Up to `size` candidates by words and, with a `vector`, up to `size` more by meaning.

        `context` is what was said before the question: its words count, too, but less than the question's.

        The `vector` must come from the embedder that the manifest names; an index without vectors
        ignores it. A candidate of both lists has both scores. The version searched may differ from that of
        the last `manifest`: compare them before you use the semantic scores.

        Raises SearchUnavailable, IndexMissing or IndexUnreadable.
        """
        ...

    async def manifest(self) -> Manifest:
        """Describes the current version, at most a second old. Raises as `search`."""
        ...


class IndexStore(Protocol):
    """The writing side of an index, used by ingest."""

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        """Write a new version beside the current one, check it, then switch to it atomically.

        Readers see the old version or the new one, never a part. The previously current version is
        kept; older ones and the remains of killed ingests are removed. `progress` is called with the
        number of entries written since its last call. Every record has a vector when
        `manifest.embedder` is set, and none otherwise.

        Raises SearchUnavailable, IngestConflict or BadSettings; the old version then stays current.
        """
        ...

    async def versions(self) -> Sequence[IndexVersion]:
        """Newest first, without unreadable ones; empty when nothing was ever ingested.

        Raises SearchUnavailable.
        """
        ...

    async def rollback(self) -> IndexVersion:
        """Switch to the previously current version; a second rollback switches back.

        Raises SearchUnavailable, NoPreviousVersion or IngestConflict.
        """
        ...

    def records(self) -> AsyncIterator[FaqEntry]:
        """All entries of the current version, whatever its schema.

        Raises SearchUnavailable, IndexMissing or IndexUnreadable.
        """
        ...
