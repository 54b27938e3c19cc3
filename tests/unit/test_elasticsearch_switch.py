"""What a search meets when another version takes over, with a stand-in that gives its documents the same ids
in each."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from app.domain import FaqEntry
from app.errors import SearchUnavailable
from app.indexes.elasticsearch import index as elasticsearch_index
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.elasticsearch.mapping import mappings, statistics_document
from app.indexes.format import entry_data
from app.indexes.memory import manifest_of
from app.ranking.candidates import WordStatistics
from tools.bench.serving.stub_http import Exchange, serving

pytestmark = pytest.mark.anyio

OLD, NEW = (FaqEntry("1", "course", "Where is the lantern?", answer) for answer in ("Here.", "There."))


# The status of a search whose shard was on a node that was killed meanwhile.
NODE_GONE = {
    "status": 502,
    "error": {
        "type": "search_phase_execution_exception",
        "reason": "",
        "root_cause": [],
    },
}

# As Elasticsearch 9.4 said it of an index that was searched while it was deleted.
NO_SHARD = {
    "status": 503,
    "error": {
        "type": "search_phase_execution_exception",
        "reason": "all shards failed",
        "root_cause": [{"type": "no_shard_available_action_exception", "reason": "[query]"}],
    },
}


class Elasticsearch:
    def __init__(self) -> None:
        self.serves = "1"
        self.without_shards = ""
        self.searches = 0
        self.dying: list[object] = []  # the next answers to searches
        self.header: dict[str, object] = {}
        self.entries = {"askd-1": OLD, "askd-2": NEW}

    def handle(self, exchange: Exchange) -> None:
        if exchange.path.endswith("/_mapping"):
            name = f"askd-{self.serves}"
            manifest = manifest_of([self.entries[name]], self.serves)
            reply: object = {name: {"mappings": mappings("askd", manifest)}}
        elif "/_doc/" in exchange.path:
            reply = {"_source": statistics_document(WordStatistics())}
        else:
            self.searches += 1
            self.header = json.loads(exchange.body.partition(b"\n")[0])
            name = str(self.header["index"])
            hit = {"_id": "0", "_score": 1.0, "_source": {"record": entry_data(self.entries[name])}}
            found = {"status": 200, "hits": {"hits": [hit]}}
            answer: object = NO_SHARD if name == self.without_shards else found
            reply = {"responses": [self.dying.pop() if self.dying else answer]}
        exchange.reply(json.dumps(reply).encode())


async def found(index: ElasticsearchIndex) -> FaqEntry:
    [candidate] = (await index.search("lantern", vector=None, collection=None, size=5)).candidates.found
    return candidate.entry


@pytest.fixture
def elasticsearch() -> Elasticsearch:
    return Elasticsearch()


@pytest.fixture
async def index(elasticsearch: Elasticsearch) -> AsyncIterator[ElasticsearchIndex]:
    async with serving(elasticsearch.handle) as url, open_client(url, None, timeout=30.0) as client:
        yield ElasticsearchIndex(client, "askd", timeout=30.0)


async def test_an_entry_found_again_is_the_same_object_until_another_version_serves(
    elasticsearch: Elasticsearch, index: ElasticsearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elasticsearch_index, "_MANIFEST_SECONDS", -1.0)
    monkeypatch.setattr(elasticsearch_index, "_MANIFEST_MOST_SECONDS", -1.0)
    first = await found(index)
    assert first == OLD
    assert await found(index) is first
    elasticsearch.serves = "2"
    assert await found(index) == NEW
    elasticsearch.serves = "1"
    assert await found(index) == OLD


async def test_a_version_that_is_being_deleted_is_not_asked_again(
    elasticsearch: Elasticsearch, index: ElasticsearchIndex
) -> None:
    assert await found(index) == OLD
    elasticsearch.serves, elasticsearch.without_shards = "2", "askd-1"
    assert await found(index) == NEW


async def test_a_version_that_serves_without_its_shards_is_not_searched_twice(
    elasticsearch: Elasticsearch, index: ElasticsearchIndex
) -> None:
    assert await found(index) == OLD
    elasticsearch.without_shards = "askd-1"
    with pytest.raises(SearchUnavailable, match="status 503") as refused:
        await found(index)
    assert refused.value.retryable
    assert elasticsearch.searches == 2


async def test_an_old_manifest_is_read_again_beside_the_question_that_found_it_so_old(
    elasticsearch: Elasticsearch, index: ElasticsearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await found(index) == OLD
    elasticsearch.serves = "2"
    monkeypatch.setattr(elasticsearch_index, "_MANIFEST_SECONDS", -1.0)
    assert await found(index) == OLD
    monkeypatch.undo()  # what is cached now is not read again for half a second
    async with asyncio.timeout(0.4):
        while await found(index) != NEW:
            await asyncio.sleep(0.01)


async def test_where_there_are_several_nodes_a_search_that_one_failed_is_repeated_once(
    elasticsearch: Elasticsearch,
) -> None:
    async with (
        serving(elasticsearch.handle) as one,
        serving(elasticsearch.handle) as other,
        open_client([one, other], None, timeout=30.0) as client,
    ):
        index = ElasticsearchIndex(client, "askd", timeout=30.0)
        elasticsearch.dying = [NODE_GONE]
        assert await found(index) == OLD
        elasticsearch.dying = [NODE_GONE, NODE_GONE]
        with pytest.raises(SearchUnavailable, match="status 502"):
            await found(index)
    assert elasticsearch.searches == 4


async def test_a_search_that_lacks_a_shard_is_to_fail_rather_than_to_find_a_part(
    elasticsearch: Elasticsearch, index: ElasticsearchIndex
) -> None:
    await found(index)
    assert elasticsearch.header["allow_partial_search_results"] is False
