"""What becomes of the failures of Elasticsearch, played by a small server that fails as told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from app.domain import FaqEntry
from app.errors import IndexMissing, IndexUnreadable, SearchUnavailable
from app.indexes.elasticsearch.index import ElasticsearchIndex, open_client
from app.indexes.elasticsearch.mapping import STATISTICS_ID, mappings, statistics_document
from app.indexes.memory import manifest_of, records_of
from app.ranking.candidates import WordStatistics

pytestmark = pytest.mark.anyio

ENTRY = FaqEntry("1", "course", "Where is the lantern?", "Here.")
MAPPING = {"askd": {"mappings": mappings("askd", manifest_of([ENTRY]))}}
STATISTICS = {"_source": statistics_document(WordStatistics())}
INDEX = {"_mapping": json.dumps(MAPPING), STATISTICS_ID: json.dumps(STATISTICS)}
VERSION_8_REFUSES = '{"error": {"type": "media_type_header_exception"}, "status": 400}'


@dataclass
class FailingServer:
    status: int = 200
    body: str = "{}"
    bodies: dict[str, str] = field(default_factory=dict)  # others, by the end of the path
    headers: dict[str, str] = field(default_factory=lambda: {"X-Elastic-Product": "Elasticsearch"})
    delay: float = 0.0
    requests: int = 0
    keys: set[str | None] = field(default_factory=set)  # Authorization

    async def answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        self.keys.add(request.headers.get("Authorization"))
        await asyncio.sleep(self.delay)
        body = self.bodies.get(request.path.rpartition("/")[2], self.body)
        return web.Response(
            status=self.status, text=body, headers=self.headers, content_type="application/json"
        )


@asynccontextmanager
async def index_on(
    server: FailingServer, user: str = "", key: str | None = "secret"
) -> AsyncIterator[ElasticsearchIndex]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0]
        async with open_client(f"http://{user}{host}:{port}", api_key=key, timeout=0.5) as client:
            yield ElasticsearchIndex(client, "askd", timeout=0.5)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("user", "key", "sent"),
    [("", "secret", "ApiKey secret"), ("lamp:light@", None, "Basic bGFtcDpsaWdodA==")],
)
async def test_key_or_user_are_sent_with_every_request(user: str, key: str | None, sent: str) -> None:
    server = FailingServer(bodies={**INDEX, "_msearch": '{"responses": [{}]}'})
    async with index_on(server, user, key) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)
    assert (server.requests, server.keys) == (3, {sent})


async def search(index: ElasticsearchIndex) -> None:
    await index.search("lantern", vector=None, collection=None, size=5)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (FailingServer(401), "refused the API key"),
        (FailingServer(403), "refused the API key"),
        (FailingServer(429), "overloaded"),
        (FailingServer(500), "status 500"),
        (FailingServer(503, "not json"), "did not answer"),
        (FailingServer(302, headers={"Location": "/elsewhere"}), "status 302"),
        (FailingServer(301, headers={"Location": "http://[nowhere"}), "status 301"),
        (FailingServer(400, VERSION_8_REFUSES), "not version 9"),
        (FailingServer(200, "not json"), "did not answer"),
        (FailingServer(200, headers={}), "not Elasticsearch"),
        (FailingServer(delay=5.0), "did not answer"),
    ],
)
async def test_a_failure_is_told_in_our_words_at_once(server: FailingServer, words: str) -> None:
    async with index_on(server) as index:
        with pytest.raises(SearchUnavailable, match=words):
            await search(index)
    assert server.requests == 1


async def test_another_server_is_told_from_elasticsearch_whenever_it_comes() -> None:
    ours = FailingServer(bodies={"_mapping": json.dumps(MAPPING)})
    async with index_on(ours) as index:
        await index.manifest()
        index._manifest = None
        ours.headers, ours.bodies = {}, {}
        with pytest.raises(SearchUnavailable, match="not Elasticsearch"):
            await index.manifest()


async def test_nobody_listening_is_told() -> None:
    async with open_client("http://127.0.0.1:9", api_key=None, timeout=5.0) as client:
        index = ElasticsearchIndex(client, "askd", timeout=5.0)
        with pytest.raises(SearchUnavailable, match="did not answer"):
            await search(index)
        with pytest.raises(SearchUnavailable, match="did not answer"):
            await index.publish(manifest_of([ENTRY]), records_of([ENTRY]), lambda _: None)
        with pytest.raises(SearchUnavailable, match="did not answer"):
            await anext(index.records())


async def test_a_missing_alias_is_a_missing_index() -> None:
    async with index_on(FailingServer(404)) as index:
        with pytest.raises(IndexMissing, match="askd ingest"):
            await search(index)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "17",
        '"words"',
        '{"a": null}',
        '{"a": {"mappings": null}}',
        '{"a": {"mappings": []}}',
    ],
)
async def test_an_answer_of_another_shape_is_no_index(body: str) -> None:
    async with index_on(FailingServer(body=body)) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)


@pytest.mark.parametrize(
    "found", ['{"responses": []}', '{"responses": [{}, {}]}', '{"responses": [null]}', '{"responses": [{}]}']
)
async def test_a_search_that_finds_another_shape_finds_no_index(found: str) -> None:
    server = FailingServer(bodies={**INDEX, "_msearch": found})
    async with index_on(server) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)


@pytest.mark.parametrize("document", ["[]", "{}", '{"_source": null}', '{"_source": {"statistics": []}}'])
async def test_statistics_of_another_shape_are_none(document: str) -> None:
    server = FailingServer(bodies={"_mapping": json.dumps(MAPPING), STATISTICS_ID: document})
    async with index_on(server) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)


@pytest.mark.parametrize(
    "body", ["{}", '{"askd": {"mappings": {}}}', '{"a": {"mappings": {"_meta": {"alias": "other"}}}}']
)
async def test_what_is_not_an_index_of_ours_cannot_be_read(body: str) -> None:
    async with index_on(FailingServer(body=body)) as index:
        with pytest.raises(IndexUnreadable, match="ASKD_INDEX"):
            await search(index)
