"""The versions in Elasticsearch: one Elasticsearch index each, and an alias on the current one.

An index that is being written has an alias of its own, the build alias. The step that moves the main alias
removes it: an index with a build alias is unfinished, all others are versions.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import AsyncElasticsearch, BadRequestError, TransportError

from app.errors import BadSettings, IndexUnreadable, IngestConflict, SearchUnavailable
from app.indexes.elasticsearch.client import repeatable
from app.indexes.elasticsearch.mapping import SETTINGS, index_name, mappings, vector_search
from app.indexes.format import read_manifest
from app.indexes.manifest import Manifest


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
        """Create the index of a new version, unfinished."""
        try:
            created = await self.client.indices.create(
                index=index_name(self.alias, manifest.version),
                settings=SETTINGS,
                mappings=mappings(self.alias, manifest),
                aliases={self.build_alias(manifest.version): {}},
            )
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
            raise IngestConflict(f"version {manifest.version} exists already; try again") from error
        if created.get("shards_acknowledged") is False:
            raise SearchUnavailable(
                "Elasticsearch has no place for another index, usually because its disk is nearly full;"
                " GET /_cluster/allocation/explain says why"
            )

    async def switch(self, version: str) -> None:
        """Make a version the current one, atomically; it is then no longer unfinished."""
        name, build = index_name(self.alias, version), self.build_alias(version)
        actions: Sequence[Mapping[str, Any]] = [
            {"remove": {"index": f"{self.alias}-*", "alias": self.alias, "must_exist": False}},
            {"add": {"index": name, "alias": self.alias}},
            {"remove": {"index": name, "alias": build, "must_exist": False}},
        ]
        try:
            await self.client.indices.update_aliases(actions=actions)
        except TransportError:  # it may have succeeded, with the response lost: check, rather than retry
            if not any(index.current and index.name == name for index in await self.all()):
                raise

    async def delete(self, indexes: Iterable[VersionIndex]) -> None:
        for index in indexes:
            await self.client.indices.delete(index=index.name, ignore_unavailable=True)

    async def sizes(self) -> Mapping[str, int]:
        """Size in bytes, by index name."""
        stats = await repeatable(self.client).indices.stats(index=f"{self.alias}-*", metric="store")
        return {name: of["total"]["store"]["size_in_bytes"] for name, of in stats["indices"].items()}
