"""What the index keeps of its searches, with a stand-in that gives its documents the same ids each time."""

import json

import pytest

from app.adapters import elasticsearch_index
from app.adapters.elasticsearch_index import ElasticsearchIndex, open_client
from app.adapters.elasticsearch_mapping import mappings
from app.adapters.index_format import entry_data
from app.domain import FaqEntry
from bench.serving.stub_http import Exchange, serving
from tests.fakes.index import manifest_of

pytestmark = pytest.mark.anyio

OLD, NEW = (FaqEntry("1", "course", "Where is the lantern?", answer) for answer in ("Here.", "There."))


class Elasticsearch:
    def __init__(self) -> None:
        self.serves = "1"
        self.entries = {"askd-1": OLD, "askd-2": NEW}

    def handle(self, exchange: Exchange) -> None:
        if exchange.path.endswith("/_mapping"):
            name = f"askd-{self.serves}"
            manifest = manifest_of([self.entries[name]], self.serves)
            reply: object = {name: {"mappings": mappings("askd", manifest)}}
        else:
            name = json.loads(exchange.body.partition(b"\n")[0])["index"]
            hit = {"_id": "0", "_score": 1.0, "_source": {"record": entry_data(self.entries[name])}}
            reply = {"responses": [{"status": 200, "hits": {"hits": [hit]}}]}
        exchange.reply(json.dumps(reply).encode())


async def found(index: ElasticsearchIndex) -> FaqEntry:
    [candidate] = (await index.search("lantern", vector=None, collection=None, size=5)).found
    return candidate.entry


async def test_an_entry_found_again_is_the_same_object_until_another_version_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elasticsearch_index, "_MANIFEST_SECONDS", -1.0)
    elasticsearch = Elasticsearch()
    async with serving(elasticsearch.handle) as url, open_client(url, None, timeout=30.0) as client:
        index = ElasticsearchIndex(client, "askd", timeout=30.0)
        first = await found(index)
        assert first == OLD
        assert await found(index) is first
        elasticsearch.serves = "2"
        assert await found(index) == NEW
        elasticsearch.serves = "1"
        assert await found(index) == OLD
