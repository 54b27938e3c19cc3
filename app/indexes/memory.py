"""An in-memory index, the fake for tests: the score is the number of terms shared with the question, and
vectors are searched exhaustively."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime

import numpy as np

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo, Vector
from app.errors import IndexMissing, SearchUnavailable
from app.indexes.base import IndexRecord, SearchResult
from app.indexes.format import check_dimension, check_schema, previous_version
from app.indexes.manifest import INDEX_SCHEMA, IndexVersion, Manifest
from app.ranking.candidates import Candidate, Candidates
from app.ranking.text import (
    CONTEXT_WEIGHT,
    context_words,
    entry_words,
    grams,
    question_words,
    word_statistics,
)


def manifest_of(
    entries: Iterable[FaqEntry],
    version: str = "1",
    schema: int = INDEX_SCHEMA,
    embedder: EmbedderInfo | None = None,
) -> Manifest:
    collections = Counter(entry.collection for entry in entries)
    now = datetime.now(UTC)
    return Manifest(version, now, "0.1.0", schema, "english", "digest", dict(collections), embedder)


def records_of(entries: Iterable[FaqEntry], vectors: Iterable[Vector] | None = None) -> Sequence[IndexRecord]:
    if vectors is None:
        return [IndexRecord(entry) for entry in entries]
    return [IndexRecord(entry, vector) for entry, vector in zip(entries, vectors, strict=True)]


class MemoryIndex:
    """Starts with `entries` as its first version, with or without vectors, or empty."""

    def __init__(
        self,
        entries: Sequence[FaqEntry] = (),
        embedder: EmbedderInfo | None = None,
        vectors: Iterable[Vector] | None = None,
    ) -> None:
        self._versions: list[tuple[Manifest, Sequence[IndexRecord]]] = []  # the current version comes first
        if entries:
            self._versions = [(manifest_of(entries, embedder=embedder), records_of(entries, vectors))]

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        manifest, records = self._searchable()
        inside = [record for record in records if collection in (None, record.entry.collection)]
        statistics = word_statistics(record.entry for record in records)
        if vector is None or manifest.embedder is None:
            return SearchResult(manifest, statistics, _found(question, context, None, inside, size))
        check_dimension(vector, manifest)
        return SearchResult(manifest, statistics, _found(question, context, vector, inside, size))

    async def manifest(self) -> Manifest:
        return self._searchable()[0]

    async def records(self) -> AsyncIterator[FaqEntry]:
        for record in self._current()[1]:
            yield record.entry

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        written = list(records)
        if len(written) != manifest.entries:
            raise SearchUnavailable(f"{len(written)} of {manifest.entries} entries were written")
        progress(len(written))
        self._versions = [(manifest, written), *self._versions[:1]]

    async def versions(self) -> Sequence[IndexVersion]:
        found = [
            IndexVersion(
                manifest,
                position == 0,
                sum(len(record.entry.answer) for record in records),
                "flat" if manifest.embedder else None,
            )
            for position, (manifest, records) in enumerate(self._versions)
        ]
        return sorted(found, key=lambda version: version.manifest.created, reverse=True)

    async def rollback(self) -> IndexVersion:
        previous = previous_version(await self.versions())
        self._versions.reverse()
        return previous

    def _current(self) -> tuple[Manifest, Sequence[IndexRecord]]:
        if not self._versions:
            raise IndexMissing("there is no index yet; run `askd ingest FILE`")
        return self._versions[0]

    def _searchable(self) -> tuple[Manifest, Sequence[IndexRecord]]:
        check_schema(self._current()[0])
        return self._current()


def _found(
    question: str, context: str, vector: Vector | None, records: Iterable[IndexRecord], size: int
) -> Candidates:
    by_words = _by_words(question, context, records)[:size]
    if vector is None:
        return Candidates([Candidate(entry, score) for score, entry in by_words])
    cosines = _by_meaning(vector, records)[:size]
    known = {entry.key for _, entry in by_words}
    of_entry = {entry.key: cosine for cosine, entry in cosines}
    found = [Candidate(entry, score, of_entry.get(entry.key)) for score, entry in by_words]
    found += [Candidate(entry, None, cosine) for cosine, entry in cosines if entry.key not in known]
    return Candidates(found, cosines[-1][0] if cosines else None)


def _by_words(
    question: str, context: str, records: Iterable[IndexRecord]
) -> Sequence[tuple[float, FaqEntry]]:
    asked = _terms(question_words(question))
    said = set(context_words(context, asked))
    scored = [
        (len(asked & _terms(held)) + CONTEXT_WEIGHT * len(said & set(held)), record.entry)
        for record in records
        for held in [entry_words(record.entry)]
    ]
    found = [(score, entry) for score, entry in scored if score]
    return sorted(found, key=lambda each: each[0], reverse=True)


def _by_meaning(vector: Vector, records: Iterable[IndexRecord]) -> Sequence[tuple[float, FaqEntry]]:
    found = [
        (float(np.dot(record.vector, vector)), record.entry)
        for record in records
        if record.vector is not None
    ]
    return sorted(found, key=lambda each: each[0], reverse=True)


def _terms(of: Sequence[str]) -> set[str]:
    return {*of, *grams(of)}
