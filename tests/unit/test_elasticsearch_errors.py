"""How the failures of Elasticsearch are told: the bodies are recorded from 9.4, a small server plays them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from elasticsearch.helpers import BulkIndexError

from app.errors import AskdError, IndexMissing, IndexUnreadable, SearchUnavailable
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.errors import translated_errors
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.elasticsearch.mapping import STATISTICS_ID
from app.indexes.memory import manifest_of, records_of
from tests.support.elasticsearch import ENTRY, INDEX, MAPPING, ScriptedServer, served

pytestmark = pytest.mark.anyio

VERSION_8_REFUSES = '{"error": {"type": "media_type_header_exception"}, "status": 400}'


@asynccontextmanager
async def index_on(
    server: ScriptedServer, user: str = "", key: str | None = "secret"
) -> AsyncIterator[ElasticsearchIndex]:
    timeout = 0.2 if server.delay else 30.0
    async with served(server) as host, open_client(f"http://{user}{host}", key, timeout) as client:
        yield ElasticsearchIndex(client, "askd", timeout)


@pytest.mark.parametrize(
    ("user", "key", "sent"),
    [("", "secret", "ApiKey secret"), ("lamp:light@", None, "Basic bGFtcDpsaWdodA==")],
)
async def test_key_or_user_are_sent_with_every_request(user: str, key: str | None, sent: str) -> None:
    server = ScriptedServer(bodies={**INDEX, "_msearch": '{"responses": [{}]}'})
    async with index_on(server, user, key) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)
    assert (server.requests, server.keys) == (3, {sent})


async def search(index: ElasticsearchIndex) -> None:
    await index.search("lantern", vector=None, collection=None, size=5)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (ScriptedServer(401), "denies access .status 401.; check ASKD_ELASTICSEARCH_API_KEY"),
        (ScriptedServer(403), "denies access .status 403."),
        (ScriptedServer(429), "overloaded"),
        (ScriptedServer(500), "status 500"),
        (ScriptedServer(503, "not json"), "not Elasticsearch"),
        (ScriptedServer(301, headers={"Location": "http://[nowhere"}), "redirects"),
        (ScriptedServer(400, VERSION_8_REFUSES), "not version 9"),
        (ScriptedServer(200, "not json"), "not Elasticsearch"),
        (ScriptedServer(200, headers={}), "not Elasticsearch"),
        (ScriptedServer(delay=5.0), "did not answer"),
    ],
)
async def test_a_failure_is_told_in_our_words_at_once(server: ScriptedServer, words: str) -> None:
    async with index_on(server) as index:
        with pytest.raises(SearchUnavailable, match=words):
            await search(index)
    assert server.requests == 1


async def test_another_server_is_told_from_elasticsearch_whenever_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for age in ("_MANIFEST_SECONDS", "_MANIFEST_MOST_SECONDS"):  # it is read each time
        monkeypatch.setattr(f"app.indexes.elasticsearch.index.{age}", -1.0)
    ours = ScriptedServer(bodies={"_mapping": json.dumps(MAPPING)})
    async with index_on(ours) as index:
        await index.manifest()
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
    async with index_on(ScriptedServer(404)) as index:
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
    async with index_on(ScriptedServer(body=body)) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)


@pytest.mark.parametrize(
    "found", ['{"responses": []}', '{"responses": [{}, {}]}', '{"responses": [null]}', '{"responses": [{}]}']
)
async def test_a_search_that_finds_another_shape_finds_no_index(found: str) -> None:
    server = ScriptedServer(bodies={**INDEX, "_msearch": found})
    async with index_on(server) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)


@pytest.mark.parametrize("found", ["", "null", "[]", "17", "{}", '{"responses": {}}'])
async def test_a_search_that_is_no_multi_search_comes_from_another_server(found: str) -> None:
    server = ScriptedServer(bodies={**INDEX, "_msearch": found})
    async with index_on(server) as index:
        with pytest.raises(SearchUnavailable, match="not Elasticsearch"):
            await search(index)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
async def test_an_answer_that_is_nested_too_deep_is_none(content_type: str) -> None:
    server = ScriptedServer(bodies={**INDEX, "_msearch": '{"responses": [{"hits": {"hits": []}}]}'})
    async with index_on(server) as index:
        await search(index)
        server.bodies["_msearch"], server.content_type = "[" * 5000, content_type
        with pytest.raises(SearchUnavailable):
            await search(index)


@pytest.mark.parametrize("document", ["[]", "{}", '{"_source": null}', '{"_source": {"statistics": []}}'])
async def test_statistics_of_another_shape_are_none(document: str) -> None:
    server = ScriptedServer(bodies={"_mapping": json.dumps(MAPPING), STATISTICS_ID: document})
    async with index_on(server) as index:
        with pytest.raises(IndexUnreadable):
            await search(index)


@pytest.mark.parametrize(
    "body", ["{}", '{"askd": {"mappings": {}}}', '{"a": {"mappings": {"_meta": {"alias": "other"}}}}']
)
async def test_what_is_not_an_index_of_ours_cannot_be_read(body: str) -> None:
    async with index_on(ScriptedServer(body=body)) as index:
        with pytest.raises(IndexUnreadable, match="ASKD_INDEX"):
            await search(index)


# --- recorded from Elasticsearch 9.4.3 ---------------------------------------------------------

ANSWERS = json.loads((Path(__file__).parent / "elasticsearch_answers.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("missing credentials", SearchUnavailable, "needs credentials; set ASKD_ELASTICSEARCH_API_KEY, or"),
        ("wrong password", SearchUnavailable, "refused the credentials; check ASKD_ELASTICSEARCH_API_KEY"),
        ("wrong API key", SearchUnavailable, "refused the credentials"),
        ("may not create an index", SearchUnavailable, "the index privilege create_index .* ASKD_INDEX"),
        ("may not search", SearchUnavailable, "the index privilege read on"),
        ("shard limit", SearchUnavailable, "limit of open shards.*cluster.max_shards_per_node"),
        ("index read-only", SearchUnavailable, "index.blocks.read_only"),
        ("cluster read-only", SearchUnavailable, "cluster.blocks.read_only"),
        ("circuit breaker", SearchUnavailable, "overloaded"),
        ("another major version", SearchUnavailable, "not version 9"),
        ("no such index", IndexMissing, "askd ingest"),
        ("no statistics", IndexUnreadable, "damaged"),
    ],
)
async def test_a_refusal_is_told_by_its_type(answer: str, kind: type[AskdError], words: str) -> None:
    recorded = ANSWERS[answer]
    async with index_on(ScriptedServer(recorded["status"], json.dumps(recorded["body"]))) as index:
        with pytest.raises(kind, match=words) as told:
            await search(index)
    error = recorded["body"].get("error")
    if kind is SearchUnavailable:
        assert told.value.reason
        assert told.value.reason in error["reason"] or told.value.reason in str(error["caused_by"])
        assert len(told.value.reason) <= 300
        assert told.value.reason not in str(told.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("search: index read-blocked", "index.blocks.read"),
        ("search: index closed", "closed in Elasticsearch; open it"),
    ],
)
async def test_a_refused_search_is_told_by_its_type(answer: str, words: str) -> None:
    found = json.dumps(ANSWERS[answer]["body"])
    async with index_on(ScriptedServer(bodies={**INDEX, "_msearch": found})) as index:
        with pytest.raises(SearchUnavailable, match=words):
            await search(index)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("bulk: disk full", SearchUnavailable, "disk of Elasticsearch is full.*watermark.flood_stage"),
        ("bulk: index read-only", SearchUnavailable, "index.blocks.read_only"),
        ("bulk: index write-blocked", SearchUnavailable, "index.blocks.write"),
        ("bulk: alias gone", IndexMissing, "askd ingest"),
    ],
)
def test_a_refused_document_is_told_by_its_type(answer: str, kind: type[AskdError], words: str) -> None:
    with pytest.raises(kind, match=words), translated_errors():
        raise BulkIndexError("refused", ANSWERS[answer]["body"]["items"])


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("[FORBIDDEN/10/cluster create-index blocked (api)]", "refuses to create an index.*disk"),
        ("[SERVICE_UNAVAILABLE/2/no master]", "lost its master node"),
        ("[FORBIDDEN/99/some new block]", "refuse this .some new block."),
        ("something else", "refuse this .a block."),
    ],
)
async def test_other_blocks_are_told_apart(block: str, words: str) -> None:
    error = {"type": "cluster_block_exception", "reason": f"blocked by: {block};"}
    body = json.dumps({"error": error | {"root_cause": [error]}, "status": 403})
    async with index_on(ScriptedServer(403, body)) as index:
        with pytest.raises(SearchUnavailable, match=words):
            await search(index)


async def test_a_proxy_that_has_no_such_page_is_not_an_index_without_a_faq() -> None:
    async with index_on(ScriptedServer(404, '"<html>Not here"', headers={})) as index:
        with pytest.raises(SearchUnavailable, match="not Elasticsearch"):
            await search(index)


async def test_a_redirect_takes_no_credentials_to_another_server() -> None:
    other = ScriptedServer(bodies=INDEX)
    async with served(other) as host:
        redirecting = ScriptedServer(307, headers={"Location": f"http://{host}/askd/_mapping"})
        async with index_on(redirecting) as index:
            await index.manifest()
    assert (redirecting.keys, other.keys) == ({"ApiKey secret"}, {None})
