"""Writes a new version into Elasticsearch: in parallel bulks, with eased settings, then one switch."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from elasticsearch import ApiError, AsyncElasticsearch, TransportError
from elasticsearch.helpers import BulkIndexError, async_streaming_bulk

from app.errors import SearchUnavailable
from app.indexes.base import IndexRecord
from app.indexes.elasticsearch import mapping
from app.indexes.elasticsearch.client import TRANSIENT, repeatable
from app.indexes.elasticsearch.versions import VersionIndexes
from app.indexes.manifest import Manifest
from app.ranking.text import WordCounter, entry_words

log = logging.getLogger(__name__)

# In flight: the next records are read once one of them is done. One for each shard: two or four to one shard
# took Elasticsearch about 1.5 to 1.9 times the CPU for 5,000 entries, on two busy cores.
_MOST_BULKS = 8
_BULK_ENTRIES, _BULK_BYTES = 500, 5_000_000
# A node that is overloaded (429) has a minute, 1 + 2 + 4 + 8 + 16 + … seconds; one that restarts more than
# three, since each request waits for its shard, too.
_REPEATS, _FIRST_PAUSE, _LONGEST_PAUSE = 7, 1.0, 16.0
_BULK_TIMEOUT = "20s"


@dataclass(frozen=True, slots=True)
class VersionWriter:
    """Writes versions for `indexes`. Raises the client's own errors, SearchUnavailable and IngestConflict."""

    client: AsyncElasticsearch
    indexes: VersionIndexes

    async def publish(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        # The last ingest to start wins: an earlier one that still runs finds its index deleted.
        await self.indexes.delete([index for index in await self.indexes.all() if index.unfinished])
        await self.indexes.begin(manifest)
        await self._fill(manifest, records, progress)
        await self.indexes.complete(manifest)
        await self._check(manifest)
        before = await self.indexes.all()
        await self.indexes.finish(manifest.version)
        obsolete = [index for index in before if not index.current and not index.unfinished]
        try:
            await self.indexes.delete(obsolete)
        except (ApiError, TransportError):
            log.warning("old versions could not be removed; the next ingest tries again", exc_info=True)

    async def _fill(
        self, manifest: Manifest, records: Iterable[IndexRecord], progress: Callable[[int], None]
    ) -> None:
        counter, ids = WordCounter(), count()

        def documents() -> Iterator[dict[str, Any]]:
            for record in records:
                words = entry_words(record.entry)
                counter.add(words)
                yield mapping.entry_document(record, words) | {"_id": str(next(ids))}

        build, batches = self.indexes.build_alias(manifest.version), _Batches(documents())
        number = min(manifest.spread.shards, _MOST_BULKS)
        bulks = [asyncio.create_task(self._send(build, batches, progress)) for _ in range(number)]
        try:
            await asyncio.gather(*bulks)
        finally:
            for bulk in bulks:
                bulk.cancel()
            await asyncio.gather(*bulks, return_exceptions=True)
        statistics = mapping.statistics_document(counter.statistics()) | {"_id": mapping.STATISTICS_ID}
        await self._send(build, _Batches(iter([statistics])), lambda _: None)

    async def _send(self, build: str, batches: "_Batches", progress: Callable[[int], None]) -> None:
        """Until none is left.

        What is refused for now is sent again, after a pause: with its ids it cannot be written twice.
        """
        while batch := await batches.take():
            async for written, answer in async_streaming_bulk(
                repeatable(self.client),
                batch,
                max_chunk_bytes=_BULK_BYTES,
                raise_on_error=False,  # else nothing is sent again of a bulk that is refused in part
                max_retries=_REPEATS,
                initial_backoff=_FIRST_PAUSE,
                max_backoff=_LONGEST_PAUSE,
                retry_on_status=(429, *TRANSIENT),
                index=build,
                require_alias=True,  # else the first document would create a deleted index again
                timeout=_BULK_TIMEOUT,
            ):
                if not written:
                    raise BulkIndexError("a document was refused", [answer])
                progress(1)

    async def _check(self, manifest: Manifest) -> None:
        """That all entries are found."""
        build, client = self.indexes.build_alias(manifest.version), repeatable(self.client)
        await client.indices.refresh(index=build)
        written = (await client.count(index=build, query=mapping.ENTRIES))["count"]
        if written != manifest.entries:
            raise SearchUnavailable(
                f"Elasticsearch holds {written} of {manifest.entries} entries; the old version stays current"
            )


@dataclass(frozen=True, slots=True)
class _Batches:
    """Of documents that several tasks take from, each a whole batch at once."""

    documents: Iterator[dict[str, Any]]
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self) -> Sequence[dict[str, Any]]:
        """Empty when none is left."""
        batch = []
        async with self.taking:
            for document in islice(self.documents, _BULK_ENTRIES):
                batch.append(document)
                await asyncio.sleep(0)  # embedding blocks: let the bulks in flight go on
        return batch
