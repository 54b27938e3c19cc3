"""What only Elasticsearch can meet: a cluster that others use, too."""

from collections.abc import AsyncIterator
from uuid import uuid4

import numpy as np
import pytest
from elasticsearch import AsyncElasticsearch

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo
from app.errors import BadSettings, IndexUnreadable, SearchUnavailable
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.format import manifest_data
from app.indexes.memory import manifest_of, records_of

pytestmark = [pytest.mark.anyio, pytest.mark.live]

ENTRY = FaqEntry("1", "course", "Where is the lantern?", "Here.")


@pytest.fixture
async def client(elasticsearch_url: str) -> AsyncIterator[AsyncElasticsearch]:
    async with open_client(elasticsearch_url, api_key=None, timeout=30.0) as client:
        yield client


@pytest.fixture
async def alias(client: AsyncElasticsearch) -> AsyncIterator[str]:
    alias = f"askd-test-{uuid4().hex[:12]}"
    yield alias
    for name in await client.indices.get(index=f"{alias}*"):
        await client.indices.delete(index=name)


async def publish(index: ElasticsearchIndex, version: str) -> None:
    await index.publish(manifest_of([ENTRY], version), records_of([ENTRY]), lambda _: None)


async def test_an_index_of_somebody_else_is_neither_searched_nor_replaced(
    client: AsyncElasticsearch, alias: str
) -> None:
    await client.index(index=alias, document={"title": "lantern"}, refresh=True)
    index = ElasticsearchIndex(client, alias, timeout=30.0)
    with pytest.raises(IndexUnreadable, match="ASKD_INDEX"):
        await index.search("lantern", vector=None, collection=None, size=5)
    with pytest.raises(BadSettings, match="ASKD_INDEX"):
        await publish(index, "1")
    assert (await client.count(index=alias))["count"] == 1


async def test_an_index_whose_name_begins_alike_is_left_alone(client: AsyncElasticsearch, alias: str) -> None:
    index, other = (ElasticsearchIndex(client, name, timeout=30.0) for name in (alias, f"{alias}-other"))
    await client.index(index=f"{alias}-notes", document={"title": "lantern"})
    await publish(other, "1")
    for version in ("1", "2", "3"):
        await publish(index, version)
    assert len(await index.versions()) == 2
    assert [version.manifest.version for version in await other.versions()] == ["1"]
    assert await client.indices.exists(index=f"{alias}-notes")
    await index.rollback()
    assert (await other.manifest()).version == "1"


async def test_a_version_name_may_hold_capitals(client: AsyncElasticsearch, alias: str) -> None:
    index = ElasticsearchIndex(client, alias, timeout=30.0)
    await publish(index, "20261123T120501Z-ab12cd34")
    result = await index.search("lantern", vector=None, collection=None, size=5)
    assert result.manifest == await index.manifest()
    assert result.manifest.version == "20261123T120501Z-ab12cd34"


async def test_without_the_vector_field_words_are_searched_and_it_is_said(
    client: AsyncElasticsearch, alias: str
) -> None:
    index = ElasticsearchIndex(client, alias, timeout=30.0)
    await publish(index, "1")
    claiming = manifest_of([ENTRY], "1", embedder=EmbedderInfo("compass", "digest", 2))
    meta = {"alias": alias, "manifest": manifest_data(claiming)}
    await client.indices.put_mapping(index=alias, meta=meta)
    reader = ElasticsearchIndex(client, alias, timeout=30.0)
    assert (await reader.manifest()).embedder is None
    vector = np.array([0, 1], dtype=np.float32)
    [found] = (await reader.search("lantern", vector=vector, collection=None, size=5)).candidates.found
    assert (found.entry, found.semantic) == (ENTRY, None)


async def test_a_block_on_an_index_is_told_with_the_setting_that_lifts_it(
    client: AsyncElasticsearch, alias: str
) -> None:
    index = ElasticsearchIndex(client, alias, timeout=30.0)
    await publish(index, "2")
    blocked = f"{alias}-2"
    await client.indices.put_settings(index=blocked, settings={"index.blocks.read": True})
    try:
        with pytest.raises(SearchUnavailable, match=r"index\.blocks\.read\)") as told:
            await index.search("lantern", vector=None, collection=None, size=5)
        assert told.value.reason
        assert blocked in told.value.reason
        assert blocked not in str(told.value)
    finally:
        await client.indices.put_settings(index=blocked, settings={"index.blocks.read": None})
    assert (await index.search("lantern", vector=None, collection=None, size=5)).manifest.version == "2"


async def test_a_closed_index_is_told(client: AsyncElasticsearch, alias: str) -> None:
    index = ElasticsearchIndex(client, alias, timeout=30.0)
    await publish(index, "1")
    await client.indices.close(index=f"{alias}-1")
    with pytest.raises(SearchUnavailable, match="closed in Elasticsearch; open it"):
        await index.search("lantern", vector=None, collection=None, size=5)


async def test_another_node_serves_while_one_is_down(
    client: AsyncElasticsearch, elasticsearch_url: str, alias: str
) -> None:
    await publish(ElasticsearchIndex(client, alias, timeout=30.0), "1")
    async with open_client(["http://127.0.0.1:9", elasticsearch_url], None, 30.0) as both:
        index = ElasticsearchIndex(both, alias, timeout=30.0)
        for _ in range(4):
            result = await index.search("lantern", vector=None, collection=None, size=5)
            assert [candidate.entry for candidate in result.candidates.found] == [ENTRY]
        await publish(index, "2")
