"""Several nodes, lost connections, and what is sent twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from elasticsearch import AsyncElasticsearch

from app.errors import BadSettings, SearchUnavailable
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.elasticsearch.versions import VersionIndexes
from app.indexes.manifest import Spread
from app.indexes.memory import manifest_of, records_of
from tests.support.elasticsearch import ENTRY, INDEX, MAPPING, NOTHING, ScriptedServer, served

pytestmark = pytest.mark.anyio
NOBODY = "http://127.0.0.1:9"
ALL_COPIES = {
    "indices": {
        "askd-1": {"shards": {"0": [{"routing": {"state": "STARTED"}, "store": {"size_in_bytes": 1}}]}}
    }
}


@asynccontextmanager
async def client_of(*urls: str) -> AsyncIterator[AsyncElasticsearch]:
    async with open_client(urls, api_key=None, timeout=0.5) as client:
        yield client


async def search(index: ElasticsearchIndex) -> None:
    await index.search("lantern", vector=None, collection=None, size=5)


def working() -> ScriptedServer:
    return ScriptedServer(bodies={**INDEX, "_msearch": NOTHING})


async def test_a_node_that_is_down_is_passed_over() -> None:
    server = working()
    async with served(server) as host, client_of(NOBODY, f"http://{host}") as client:
        for _ in range(5):
            await search(ElasticsearchIndex(client, "askd", timeout=0.5))
    assert server.requests == 15


@pytest.mark.parametrize(
    ("failing", "times"),
    [
        (ScriptedServer(503), 1),
        (ScriptedServer(drops=True), 2),  # aiohttp itself sends a GET again whose connection was lost
        (ScriptedServer(delay=5.0), 1),
    ],
)
async def test_a_failing_node_is_put_aside_and_the_search_goes_to_another(
    failing: ScriptedServer, times: int
) -> None:
    server = working()
    async with (
        served(server) as good,
        served(failing) as bad,
        client_of(f"http://{bad}", f"http://{good}") as client,
    ):
        for _ in range(4):
            await search(ElasticsearchIndex(client, "askd", timeout=0.5))
    assert failing.requests == times
    assert server.requests == 12


@pytest.mark.parametrize(
    ("failing", "times"),
    [
        (ScriptedServer(503), 2),
        (ScriptedServer(drops=True), 4),  # aiohttp itself sends a GET again whose connection was lost
        (ScriptedServer(429), 1),  # more requests would not help it
        (ScriptedServer(500), 1),
        (ScriptedServer(delay=5.0), 1),
    ],
)
async def test_the_only_node_is_asked_again_once_where_that_may_help(
    failing: ScriptedServer, times: int
) -> None:
    async with served(failing) as host, client_of(f"http://{host}") as client:
        with pytest.raises(SearchUnavailable):
            await search(ElasticsearchIndex(client, "askd", timeout=0.5))
    assert failing.requests == times


def version_served(current: bool) -> str:
    mappings = MAPPING["askd"]["mappings"]
    aliases: dict[str, object] = {"askd": {}} if current else {"askd-1-build": {}}
    return json.dumps({"askd-1": {"mappings": mappings, "aliases": aliases}})


class LosesAnswers(ScriptedServer):
    """Does what it is told to change, but loses the answer to it."""

    lost = "_bulk"

    async def answer(self, request: web.Request) -> web.Response:
        self.drops = request.path.endswith(self.lost) and not any(end == self.lost for _, end in self.seen)
        return await super().answer(request)


async def test_documents_may_be_sent_twice_because_they_carry_their_ids() -> None:
    items = [{"index": {"_id": str(number), "status": 201}} for number in range(2)]
    server = LosesAnswers(
        bodies={
            "askd-1": '{"acknowledged": true, "shards_acknowledged": true}',
            "_bulk": json.dumps({"errors": False, "items": items}),
            "store": json.dumps(ALL_COPIES),  # of _stats/store
            "_count": '{"count": 2}',
            "_aliases": '{"acknowledged": true}',
        }
    )
    progress: list[int] = []
    async with served(server) as host, client_of(f"http://{host}") as client:
        index = ElasticsearchIndex(client, "askd", timeout=0.5)
        entries = [ENTRY, ENTRY]
        await index.publish(manifest_of(entries, "1"), records_of(entries), progress.append)
    first, second, _ = [
        sent for sent, (_, end) in zip(server.sent, server.seen, strict=True) if end == "_bulk"
    ]
    assert first == second
    assert [json.loads(line)["index"]["_id"] for line in first.splitlines()[::2]] == ["0", "1"]
    assert sum(progress) == 2


class RefusesOnce(ScriptedServer):
    """Its queue is full when the first bulk comes: of two documents it takes one."""

    async def answer(self, request: web.Request) -> web.Response:
        if request.path.endswith("_bulk"):
            ids = [line["index"]["_id"] for line in bulk_lines(await request.read())]
            full = not any(end == "_bulk" for _, end in self.seen)
            statuses = [429 if full and place else 201 for place, _ in enumerate(ids)]
            items = [
                {
                    "index": {
                        "_id": id_,
                        "status": status,
                        "error": {"type": "es_rejected_execution_exception"},
                    }
                }
                for id_, status in zip(ids, statuses, strict=True)
            ]
            self.bodies["_bulk"] = json.dumps({"errors": full, "items": items})
        return await super().answer(request)


def bulk_lines(body: bytes) -> list[dict[str, dict[str, str]]]:
    """Without the documents."""
    return [json.loads(line) for line in body.splitlines()[::2]]


async def test_a_document_that_an_overloaded_node_refuses_is_sent_again() -> None:
    server = RefusesOnce(
        bodies={
            "askd-1": '{"acknowledged": true, "shards_acknowledged": true}',
            "store": json.dumps(ALL_COPIES),
            "_count": '{"count": 2}',
        }
    )
    progress: list[int] = []
    async with served(server) as host, client_of(f"http://{host}") as client:
        index, entries = ElasticsearchIndex(client, "askd", timeout=0.5), [ENTRY, ENTRY]
        await index.publish(manifest_of(entries, "1"), records_of(entries), progress.append)
    bulks = [sent for sent, (_, end) in zip(server.sent, server.seen, strict=True) if end == "_bulk"]
    assert [[line["index"]["_id"] for line in bulk_lines(bulk)] for bulk in bulks[:2]] == [["0", "1"], ["1"]]
    assert sum(progress) == 2


async def test_a_node_that_was_down_is_taken_back() -> None:
    first, second = working(), working()
    async with (
        served(first) as one,
        served(second) as other,
        client_of(f"http://{one}", f"http://{other}") as client,
    ):
        index = ElasticsearchIndex(client, "askd", timeout=0.5)
        first.status = 503
        for _ in range(4):
            await search(index)
        first.status, away = 200, first.requests
        await asyncio.sleep(2.1)  # it is left out for a second, then for two
        for _ in range(4):
            await search(index)
    assert first.requests > away


@pytest.mark.parametrize("switched", [True, False])
async def test_a_switch_whose_answer_is_lost_is_repeated_only_if_it_did_not_happen(switched: bool) -> None:
    server = LosesAnswers(body=version_served(switched))
    server.lost = "_aliases"
    async with served(server) as host, client_of(f"http://{host}") as client:
        await VersionIndexes(client, "askd").finish("1")
    assert [method for method, _ in server.seen] == ["POST", "GET", *([] if switched else ["POST"])]
    # A build alias goes once, so that a switch that happens late cannot undo what came after it.
    unfinished = json.loads(server.sent[0])["actions"][-1]["remove"]
    assert unfinished == {"index": "askd-1", "alias": "askd-1-build", "must_exist": True}


async def test_a_search_whose_connection_is_lost_is_sent_again_once() -> None:
    server = LosesAnswers(bodies={**INDEX, "_msearch": NOTHING})
    server.lost = "_msearch"
    async with served(server) as host, client_of(f"http://{host}") as client:
        await search(ElasticsearchIndex(client, "askd", timeout=0.5))
    assert [end for _, end in server.seen].count("_msearch") == 2


@pytest.mark.parametrize(
    ("shards", "told"),
    [
        ({}, r"disk is nearly full.*allocation/explain"),
        (ALL_COPIES, r"^ASKD_INDEX_REPLICAS=2 needs 3 data nodes.*lower it, or start more"),
    ],
)
async def test_an_index_for_which_there_is_no_room_is_told_and_goes(
    shards: dict[str, object], told: str
) -> None:
    server = ScriptedServer(
        body='{"acknowledged": true, "shards_acknowledged": false}',  # after 30 seconds
        bodies={"store": json.dumps({"indices": {}, **shards})},
    )
    manifest = replace(manifest_of([ENTRY], "1"), spread=Spread(replicas=2))
    async with served(server) as host, client_of(f"http://{host}") as client:
        with pytest.raises(SearchUnavailable, match=told):
            await VersionIndexes(client, "askd").begin(manifest)
    assert server.seen[-1] == ("DELETE", "askd-1")


async def test_a_version_whose_replicas_do_not_come_is_not_switched_to() -> None:
    server = ScriptedServer(bodies={"store": json.dumps(ALL_COPIES)})
    manifest = replace(manifest_of([ENTRY], "1"), spread=Spread(replicas=1))
    async with served(server) as host, client_of(f"http://{host}") as client:
        indexes = VersionIndexes(client, "askd", copy_seconds=0.1)
        with pytest.raises(SearchUnavailable, match=r"1 of 2 shards and replicas.*or lower ASKD_INDEX_REPLI"):
            await indexes.complete(manifest)
    assert json.loads(server.sent[0]) == {"number_of_replicas": 1, "refresh_interval": None}


async def test_a_ca_that_is_none_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    for ca in (tmp_path / "ca.crt", tmp_path / "missing.crt"):
        with pytest.raises(BadSettings, match=r"^ASKD_ELASTICSEARCH_CA:"):
            async with open_client("https://localhost:9200", None, 5.0, ca=ca):
                pass
