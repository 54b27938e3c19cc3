"""The index in Elasticsearch 9."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import orjson
from elasticsearch import AsyncElasticsearch
from elasticsearch.helpers import async_scan

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.errors import IndexMissing, IndexUnreadable, IngestConflict, RetrievalError, SearchUnavailable
from app.indexes.base import IndexRecord, SearchResult
from app.indexes.elasticsearch import mapping
from app.indexes.elasticsearch.client import has_several_nodes, reading, writing
from app.indexes.elasticsearch.errors import (
    check_product,
    check_responses,
    refusal,
    searches_of,
    translated_errors,
)
from app.indexes.elasticsearch.versions import VersionIndexes
from app.indexes.elasticsearch.writing import VersionWriter
from app.indexes.format import (
    check_dimension,
    check_language,
    check_schema,
    damage_translated,
    previous_version,
    read_entry,
    read_manifest,
    read_statistics,
)
from app.indexes.manifest import IndexVersion, Manifest
from app.ranking.candidates import Candidate, Candidates, WordStatistics
from app.ranking.text import common_grams
from app.traffic.circuit_breaker import CircuitBreaker

# Age of a cached manifest from which it is read again, beside the question that found it so old; and from
# which a question waits for the new one.
_MANIFEST_SECONDS, _MANIFEST_MOST_SECONDS = 0.25, 0.5
_PAGE = 500  # entries read at once, of all
_MAX_CACHED = 2_000  # entries: a few megabytes


class _Asked(NamedTuple):
    """The arguments of a search."""

    question: str
    context: str
    vector: Vector | None
    collection: str | None
    size: int


class ElasticsearchIndex:
    """Reads and writes the index behind `alias`; `timeout` bounds each request of a search, in seconds.

    `breaker` guards searches; requests of an ingest do not count.
    """

    def __init__(
        self, client: AsyncElasticsearch, alias: str, timeout: float, breaker: CircuitBreaker | None = None
    ) -> None:
        self._client = reading(client, timeout)
        self._writer = writing(client, timeout)
        self._alias = alias
        self.breaker = breaker or CircuitBreaker()
        self._indexes = VersionIndexes(self._writer, alias)
        self._version_writer = VersionWriter(self._writer, self._indexes)
        self._manifest: tuple[float, Manifest] | None = None  # with the time it was read
        self._reading: asyncio.Task[Manifest] | None = None  # reads the manifest
        # Version, its statistics, and the grams that its searches leave out.
        self._statistics: tuple[str, WordStatistics, frozenset[str]] | None = None
        self._cached: tuple[str, dict[str, FaqEntry]] = "", {}  # version, and its entries by Elasticsearch id

    # --- reading ---

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        asked = _Asked(question, context, vector, collection, size)
        with self.breaker.call(SearchUnavailable, refusal):
            return await self._search_current(asked)

    async def manifest(self) -> Manifest:
        with self.breaker.lookup(SearchUnavailable, refusal):
            return await self._current_manifest()

    async def _search_current(self, asked: _Asked) -> SearchResult:
        manifest = await self._current_manifest()
        try:
            return await self._search(manifest, asked)
        except RetrievalError as error:
            # The version was removed since its manifest was read (its index is missing), or is being removed
            # (its shards are: 503). A lost connection looks like the latter, but then reading the manifest
            # fails as well, or returns the same version.
            if not (isinstance(error, IndexMissing) or error.retryable):
                raise
            self._manifest = None
            newer = await self._current_manifest()
            # Where there are several nodes, another copy of a shard may answer in place of one that has died.
            if newer.version == manifest.version and not has_several_nodes(self._client):
                raise
        return await self._search(newer, asked)

    async def _search(self, manifest: Manifest, asked: _Asked) -> SearchResult:
        statistics, common = await self._statistics_of(manifest.version)
        question, context, vector, collection, size = asked
        by_words = mapping.search_by_words(question, context, collection, size, common)
        index = mapping.index_name(self._alias, manifest.version)
        searches = [(mapping.words_header(index, manifest.spread), by_words)]
        if vector is not None and manifest.embedder:
            check_dimension(vector, manifest)
            searches.append((mapping.header(index), mapping.search_by_meaning(vector, collection, size)))
        lexical, *semantic = await self._hits(searches)
        known = self._cached_entries(manifest.version)
        candidates = _merged(known, lexical, semantic[0] if semantic else [])
        return SearchResult(manifest, statistics, candidates)

    async def _hits(
        self, searches: Sequence[tuple[dict[str, Any], dict[str, Any]]]
    ) -> Sequence[Sequence[Mapping[str, Any]]]:
        # Serialised here: the client's own JSON lines take thirty times as long for a vector.
        lines = [orjson.dumps(part) for search in searches for part in search]
        with translated_errors():
            found = await self._client.msearch(searches=cast("Sequence[Mapping[str, Any]]", lines))
            check_product(found.meta, found.body)
            responses = searches_of(found.meta, found.body)
        with damage_translated():
            check_responses(responses)
            return [response["hits"]["hits"] for response, _ in zip(responses, searches, strict=True)]

    def _cached_entries(self, version: str) -> dict[str, FaqEntry]:
        if self._cached[0] != version or len(self._cached[1]) > _MAX_CACHED:
            self._cached = version, {}
        return self._cached[1]

    async def _current_manifest(self) -> Manifest:
        read_at, manifest = self._manifest or (-math.inf, None)
        age = time.monotonic() - read_at
        if manifest and age <= _MANIFEST_SECONDS:
            return manifest
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_manifest())
            # Retrieve the exception, or asyncio would log it after the last caller has left.
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        if manifest and age <= _MANIFEST_MOST_SECONDS:
            return manifest
        # Callers share one request; shielded, so that one that disconnects does not cancel it.
        return await asyncio.shield(self._reading)

    async def _read_manifest(self) -> Manifest:
        """Sets `self._manifest`, too."""
        asked_at = time.monotonic()
        with translated_errors():
            response = await self._client.indices.get_mapping(index=self._alias)
            check_product(response.meta, response.body)
        with damage_translated():
            mappings = [found["mappings"] for found in response.values()]
            metas = [each.get("_meta", {}) for each in mappings]
            aliases = [meta.get("alias") for meta in metas]
        if aliases != [self._alias]:
            raise IndexUnreadable(
                "the index named in ASKD_INDEX was not created by askd; set ASKD_INDEX to another name"
            )
        with damage_translated():
            manifest = check_schema(read_manifest(metas[0]["manifest"]))
        if not mapping.vector_search(mappings[0]):
            manifest = replace(manifest, embedder=None)
        self._manifest = asked_at, manifest
        return manifest

    async def _statistics_of(self, version: str) -> tuple[WordStatistics, frozenset[str]]:
        if self._statistics is None or self._statistics[0] != version:
            with translated_errors():
                index = mapping.index_name(self._alias, version)
                document = await self._client.get(index=index, id=mapping.STATISTICS_ID)
                check_product(document.meta, document.body)
            with damage_translated():
                statistics = read_statistics(document["_source"]["statistics"])
            self._statistics = version, statistics, common_grams(statistics)
        return self._statistics[1:]

    async def records(self) -> AsyncIterator[FaqEntry]:
        body = {"query": mapping.ENTRIES, "_source": ["record"]}
        with translated_errors():
            async for hit in async_scan(self._writer, body, index=self._alias, size=_PAGE):
                with damage_translated():
                    entry = _entry(hit)
                yield entry

    # --- writing ---

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        check_language(manifest)
        try:
            with translated_errors():
                await self._version_writer.publish(manifest, records, progress)
        except IndexMissing as error:
            raise IngestConflict(
                "another ingest has replaced this one; its entries will be published"
            ) from error
        self._manifest = None

    async def versions(self) -> Sequence[IndexVersion]:
        with translated_errors():
            found, sizes = await self._indexes.all(), await self._indexes.sizes()
        return [
            IndexVersion(index.manifest, index.current, sizes.get(index.name, 0), index.vectors)
            for index in found
            if not index.unfinished
        ]

    async def rollback(self) -> IndexVersion:
        previous = previous_version(await self.versions())
        with translated_errors():
            await self._indexes.go_back(previous.manifest.version)
        self._manifest = None
        return previous


def _merged(
    known: dict[str, FaqEntry],
    by_words: Sequence[Mapping[str, Any]],
    by_meaning: Sequence[Mapping[str, Any]],
) -> Candidates:
    """Joins both lists. Known entries are the same objects, since their words are cached by identity."""

    def entry(hit: Mapping[str, Any]) -> FaqEntry:
        found = known.get(hit["_id"])
        if found is None:
            found = known[hit["_id"]] = _entry(hit)
        return found

    with damage_translated():
        cosines = {hit["_id"]: mapping.cosine(hit["_score"]) for hit in by_meaning}
        worded = {hit["_id"] for hit in by_words}
        found = [Candidate(entry(hit), float(hit["_score"]), cosines.get(hit["_id"])) for hit in by_words]
        found += [
            Candidate(entry(hit), None, cosines[hit["_id"]]) for hit in by_meaning if hit["_id"] not in worded
        ]
    return Candidates(found, min(cosines.values(), default=None))


def _entry(hit: Mapping[str, Any]) -> FaqEntry:
    return read_entry(hit["_source"]["record"])
