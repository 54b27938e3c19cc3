"""An index in memory: whoever shares terms with the question is found, and more terms score higher."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime

from app.adapters.index_format import check_schema, previous_version
from app.domain import (
    INDEX_SCHEMA,
    Candidate,
    Candidates,
    FaqEntry,
    IndexVersion,
    Manifest,
    WordStatistics,
)
from app.errors import IndexMissing, SearchUnavailable
from app.text import WordCounter, entry_words, grams, question_words


def manifest_of(entries: Iterable[FaqEntry], version: str = "1", schema: int = INDEX_SCHEMA) -> Manifest:
    collections = Counter(entry.collection for entry in entries)
    return Manifest(version, datetime.now(UTC), "0.1.0", schema, "english", "digest", dict(collections))


class MemoryIndex:
    """Begins with `entries` as its first version, or empty."""

    def __init__(self, entries: Sequence[FaqEntry] = ()) -> None:
        self._kept: list[tuple[Manifest, Sequence[FaqEntry]]] = []  # the version that serves comes first
        if entries:
            self._kept = [(manifest_of(entries), entries)]

    async def search(
        self, question: str, *, vector: Sequence[float] | None, collection: str | None, size: int
    ) -> Candidates:
        manifest, entries = self._searchable()
        asked = _terms(question_words(question))
        found = [
            Candidate(entry, lexical=float(len(shared)))
            for entry in entries
            if (shared := asked & _terms(entry_words(entry))) and collection in (None, entry.collection)
        ]
        found.sort(key=lambda candidate: candidate.lexical or 0.0, reverse=True)
        return Candidates(found[:size], manifest.version)

    async def manifest(self) -> Manifest:
        return self._searchable()[0]

    async def statistics(self) -> WordStatistics:
        counter = WordCounter()
        for entry in self._searchable()[1]:
            counter.add(entry_words(entry))
        return counter.statistics()

    async def records(self) -> AsyncIterator[FaqEntry]:
        for entry in self._current()[1]:
            yield entry

    async def publish(
        self, manifest: Manifest, entries: Iterable[FaqEntry], progress: Callable[[int], None]
    ) -> None:
        written = list(entries)
        if len(written) != manifest.entries:
            raise SearchUnavailable(f"{len(written)} of {manifest.entries} entries were written")
        progress(len(written))
        self._kept = [(manifest, written), *self._kept[:1]]

    async def versions(self) -> Sequence[IndexVersion]:
        found = [
            IndexVersion(manifest, position == 0, sum(len(entry.answer) for entry in entries))
            for position, (manifest, entries) in enumerate(self._kept)
        ]
        return sorted(found, key=lambda version: version.manifest.created, reverse=True)

    async def rollback(self) -> IndexVersion:
        previous = previous_version(await self.versions())
        self._kept.reverse()
        return previous

    def _current(self) -> tuple[Manifest, Sequence[FaqEntry]]:
        if not self._kept:
            raise IndexMissing("there is no index yet; run `askd ingest FILE`")
        return self._kept[0]

    def _searchable(self) -> tuple[Manifest, Sequence[FaqEntry]]:
        check_schema(self._current()[0])
        return self._current()


def _terms(of: Sequence[str]) -> set[str]:
    return {*of, *grams(of)}
