"""The versions in Elasticsearch: one Elasticsearch index each, and an alias on the current one.

An index that is being written has an alias of its own, the build alias. The step that moves the main alias
removes it: an index with a build alias is unfinished, all others are versions.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, AsyncElasticsearch, BadRequestError, TransportError

from app.errors import BadSettings, IndexUnreadable, IngestConflict, SearchUnavailable
from app.indexes.elasticsearch.client import TRANSIENT, repeatable
from app.indexes.elasticsearch.mapping import (
    EASED,
    index_name,
    mappings,
    restored,
    settings,
    vector_search,
)
from app.indexes.format import read_manifest
from app.indexes.manifest import Manifest

_ALLOCATION_SECONDS = 30.0  # to find nodes for the shards of a new, empty index
# Without any progress, to copy a full index to other nodes. Elasticsearch itself waits a minute for a node
# that has left, before it makes another copy elsewhere.
_COPY_SECONDS = 120.0
_PAUSE = 0.5
_ATTEMPTS = 3  # of a request whose answer was lost, and that had no effect
_WHY = "GET /_cluster/allocation/explain says why"
_NO_PLACE = f"Elasticsearch has no place for another index, usually because its disk is nearly full; {_WHY}"


@dataclass(frozen=True, slots=True)
class VersionIndex:
    name: str
    manifest: Manifest
    current: bool
    unfinished: bool
    vectors: Literal["flat", "hnsw"] | None


@dataclass(frozen=True, slots=True)
class VersionIndexes:
    """Everything that belongs to `alias`, and nothing else in the cluster. Raises the client's own errors."""

    client: AsyncElasticsearch
    alias: str
    allocation_seconds: float = _ALLOCATION_SECONDS
    copy_seconds: float = _COPY_SECONDS

    def build_alias(self, version: str) -> str:
        return f"{index_name(self.alias, version)}-build"

    async def all(self) -> Sequence[VersionIndex]:
        """Newest first, without what cannot be read. Raises BadSettings when an index has the alias' name."""
        names = f"{self.alias},{self.alias}-*"
        found = await repeatable(self.client).indices.get(index=names, ignore_unavailable=True)
        if self.alias in found:
            raise BadSettings(
                f"Elasticsearch has an index named {self.alias!r}, and it is not askd's:"
                " set ASKD_INDEX to another name"
            )
        ours = []
        for name, index in found.items():
            meta = index["mappings"].get("_meta", {})
            if meta.get("alias") != self.alias:  # `askd-*` also finds what belongs to an alias `askd-test`
                continue
            with suppress(IndexUnreadable):
                manifest = read_manifest(meta["manifest"])
                unfinished = self.build_alias(manifest.version) in index["aliases"]
                vectors = vector_search(index["mappings"])
                ours.append(VersionIndex(name, manifest, self.alias in index["aliases"], unfinished, vectors))
        return sorted(ours, key=lambda index: (index.manifest.created, index.name), reverse=True)

    async def begin(self, manifest: Manifest) -> None:
        """Create the index of a new version, unfinished, with settings that ease writing it.

        First with all its copies: what the cluster has no place for is told before anything is written.
        Raises SearchUnavailable or IngestConflict.
        """
        name = index_name(self.alias, manifest.version)

        async def create() -> bool:
            created = await self.client.indices.create(
                index=name,
                settings=settings(manifest.spread),
                mappings=mappings(self.alias, manifest),
                aliases={self.build_alias(manifest.version): {}},
                wait_for_active_shards="all",
                timeout=f"{self.allocation_seconds:.0f}s",
            )
            return created.get("shards_acknowledged") is not False

        async def is_created() -> bool:
            return any(index.unfinished and index.name == name for index in await self.all())

        try:
            placed = await _effective(create, is_created)
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
            raise IngestConflict(f"version {manifest.version} exists already; try again") from error
        if not placed:
            active, _ = await self._copies(manifest)
            await self._delete(name)
            raise SearchUnavailable(_NO_PLACE if active < manifest.spread.shards else _few(manifest))
        if manifest.spread.replicas:
            await self._set(manifest, EASED)

    async def complete(self, manifest: Manifest) -> None:
        """Restore the settings, and wait until every copy is there. Raises SearchUnavailable."""
        await self._set(manifest, restored(manifest.spread))
        wanted = manifest.spread.shards * (1 + manifest.spread.replicas)
        seen, since = (-1, -1), 0.0
        while (copies := await self._copies(manifest))[0] < wanted:
            if copies != seen:
                seen, since = copies, time.monotonic()
            elif time.monotonic() - since > self.copy_seconds:
                raise SearchUnavailable(
                    f"Elasticsearch has {copies[0]} of {wanted} shards and replicas of the new version, so "
                    "the old one stays current: start the nodes that are down, or lower ASKD_INDEX_REPLICAS; "
                    f"{_WHY}"
                )
            await asyncio.sleep(_PAUSE)

    async def finish(self, version: str) -> None:
        """Make a version that was unfinished the current one, atomically."""
        # A build alias goes once: a request that takes effect late cannot undo what came after it.
        await self._switch(version, {"alias": self.build_alias(version), "must_exist": True})

    async def go_back(self, version: str) -> None:
        """Make an older version the current one, atomically."""
        await self._switch(version, {"alias": self.build_alias(version), "must_exist": False})

    async def _switch(self, version: str, build: Mapping[str, Any]) -> None:
        name = index_name(self.alias, version)
        actions: Sequence[Mapping[str, Any]] = [
            {"remove": {"index": f"{self.alias}-*", "alias": self.alias, "must_exist": False}},
            {"add": {"index": name, "alias": self.alias}},
            {"remove": {"index": name, **build}},
        ]

        async def move() -> bool:
            await self.client.indices.update_aliases(actions=actions)
            return True

        async def is_moved() -> bool:
            return any(index.current and index.name == name for index in await self.all())

        await _effective(move, is_moved)

    async def delete(self, indexes: Iterable[VersionIndex]) -> None:
        for index in indexes:
            await self._delete(index.name)

    async def sizes(self) -> Mapping[str, int]:
        """Size in bytes of all copies, by index name."""
        stats = await repeatable(self.client).indices.stats(index=f"{self.alias}-*", metric="store")
        return {name: of["total"]["store"]["size_in_bytes"] for name, of in stats["indices"].items()}

    async def _delete(self, name: str) -> None:
        await repeatable(self.client).indices.delete(index=name, ignore_unavailable=True)

    async def _set(self, manifest: Manifest, values: Mapping[str, Any]) -> None:
        build = self.build_alias(manifest.version)
        await repeatable(self.client).indices.put_settings(index=build, settings=values)

    async def _copies(self, manifest: Manifest) -> tuple[int, int]:
        """How many copies of shards can be searched, and the bytes of all, which grow while one is made."""
        build = self.build_alias(manifest.version)
        stats = await repeatable(self.client).indices.stats(index=build, metric="store", level="shards")
        copies = [
            copy
            for index in stats["indices"].values()
            for shard in index["shards"].values()
            for copy in shard
        ]
        active = sum(copy["routing"]["state"] in ("STARTED", "RELOCATING") for copy in copies)
        return active, sum(copy["store"]["size_in_bytes"] for copy in copies)


async def _effective(
    request: Callable[[], Awaitable[bool]], has_effect: Callable[[], Awaitable[bool]]
) -> bool:
    """For a request that must not take effect twice: where its answer is lost, as when a node dies, it is
    sent again only if it had no effect. True where it turns out that it had."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return await request()
        except (ApiError, TransportError) as error:
            lost = isinstance(error, TransportError) or error.status_code in TRANSIENT
            if (lost or attempt > 1) and await has_effect():
                return True
            if not lost or attempt == _ATTEMPTS:
                raise
        await asyncio.sleep(_PAUSE)


def _few(manifest: Manifest) -> str:
    replicas = manifest.spread.replicas
    return (
        f"ASKD_INDEX_REPLICAS={replicas} needs {replicas + 1} data nodes of Elasticsearch with room for the "
        f"index: lower it, or start more nodes; {_WHY}"
    )
