"""Every index there is, to be held to one contract."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
from elasticsearch import AsyncElasticsearch

from app.indexes.base import IndexStore, SearchIndex
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.embedded.index import EmbeddedIndex
from app.indexes.memory import MemoryIndex


class Index(SearchIndex, IndexStore, Protocol):
    """Both sides of an index."""


class IndexPlace(Protocol):
    """Where an index lies; each test has its own."""

    def open(self) -> Index:
        """As another process would: the same data, nothing remembered."""
        ...


class DurablePlace(IndexPlace, Protocol):
    """One that survives the process which writes it."""

    @property
    def publisher(self) -> list[str]:
        """The command that publishes to it from another process: tests/contract/publisher.py."""
        ...

    async def stored(self) -> int:
        """How many versions lie there, finished or not."""
        ...


@dataclass
class MemoryPlace:
    index: MemoryIndex = field(default_factory=MemoryIndex)

    def open(self) -> Index:
        return self.index


@dataclass
class EmbeddedPlace:
    directory: Path

    def open(self) -> Index:
        return EmbeddedIndex(self.directory, "askd")

    @property
    def publisher(self) -> list[str]:
        return [sys.executable, "-m", "tests.contract.publisher", "embedded", str(self.directory), "askd"]

    async def stored(self) -> int:
        return len(list(self.directory.glob("askd/versions/*")))


@dataclass
class ElasticsearchPlace:
    client: AsyncElasticsearch
    url: str
    alias: str

    def open(self) -> Index:
        return ElasticsearchIndex(self.client, self.alias, timeout=30.0)

    @property
    def publisher(self) -> list[str]:
        return [sys.executable, "-m", "tests.contract.publisher", "elasticsearch", self.url, self.alias]

    async def stored(self) -> int:
        return len(await self.client.indices.get(index=f"{self.alias}-*"))


@pytest.fixture
def memory_index() -> IndexPlace:
    return MemoryPlace()


@pytest.fixture
def embedded_index(tmp_path: Path) -> DurablePlace:
    return EmbeddedPlace(tmp_path)


@pytest.fixture
async def elasticsearch_index(elasticsearch_url: str) -> AsyncIterator[DurablePlace]:
    async with open_client(elasticsearch_url, api_key=None, timeout=30.0) as client:
        place = ElasticsearchPlace(client, elasticsearch_url, f"askd-test-{uuid4().hex[:12]}")
        yield place
        for name in await client.indices.get(index=f"{place.alias}-*"):
            await client.indices.delete(index=name)


_DURABLE = ["embedded_index", pytest.param("elasticsearch_index", marks=pytest.mark.live)]


@pytest.fixture(params=["memory_index", *_DURABLE])
def index_place(request: pytest.FixtureRequest) -> IndexPlace:
    place: IndexPlace = request.getfixturevalue(request.param)
    return place


@pytest.fixture(params=_DURABLE)
def durable_place(request: pytest.FixtureRequest) -> DurablePlace:
    place: DurablePlace = request.getfixturevalue(request.param)
    return place


@pytest.fixture
def index(index_place: IndexPlace) -> Index:
    return index_place.open()
