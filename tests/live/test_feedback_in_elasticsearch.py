"""Feedback in a real Elasticsearch that comes and goes: no answer waits for it or fails with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.feedback.elasticsearch import ElasticsearchFeedback
from app.indexes.elasticsearch.client import open_client
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from tests.cli.shell import Shell
from tests.live.serving import SAMPLE, Chosen, ingest, serving, settings_of
from tests.live.tcp_proxy import Break, Fault, Instead, Stall, TcpProxy, http_answer, proxy_to
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ

pytestmark = [pytest.mark.anyio, pytest.mark.live]
LATE = {"question": "Is it possible to join the course at any time?"}
_FORBIDDEN = (
    '{"error": {"type": "security_exception", "reason": "action [indices:data/write/bulk] is unauthorized, '
    'this action is granted by the index privileges [write,all]"}, "status": 403}'
)
FAULTS: dict[str, tuple[Fault, str]] = {
    "its connections are reset": (Break(""), "Elasticsearch"),
    "it never answers": (Stall(""), "does not answer"),
    "the key has no privilege": (
        Instead(
            "",
            (
                http_answer(
                    "403 Forbidden",
                    _FORBIDDEN,
                    "content-type: application/json",
                    "x-elastic-product: Elasticsearch",
                ),
            ),
        ),
        "ASKD_FEEDBACK_API_KEY_FILE",
    ),
}


@pytest.fixture
async def proxy(elasticsearch_url: str) -> AsyncIterator[TcpProxy]:
    async with proxy_to(elasticsearch_url) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: TcpProxy, elasticsearch_url: str) -> AsyncIterator[ElasticsearchFeedback]:
    alias = f"askd-feedback-test-{uuid4().hex[:12]}"
    async with open_client(proxy.url, api_key=None, timeout=30.0) as client:
        yield ElasticsearchFeedback(client, alias)
    async with open_client(elasticsearch_url, api_key=None, timeout=30.0) as client:
        await client.indices.delete(index=f"{alias}-1", ignore_unavailable=True)


@pytest.fixture
async def client(store: ElasticsearchFeedback) -> AsyncIterator[httpx.AsyncClient]:
    index, llm = MemoryIndex(FAQ), ScriptedModel(script=["Yes, you can join at any time."], loaded=True)
    async with calling(app_of(assistant_of(index, llm), index, llm, store=store)) as client:
        yield client


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_answer_waits_for_the_store_or_fails_with_it(
    client: httpx.AsyncClient, store: ElasticsearchFeedback, proxy: TcpProxy, fault: str
) -> None:
    verdict = {"token": (await client.post("/ask", json=LATE)).json()["feedback_token"], "helpful": True}
    assert (await client.post("/feedback", json=verdict)).status_code == 200
    proxy.fault, told = FAULTS[fault]
    began = time.monotonic()
    answer = await client.post("/ask", json=LATE)
    took = time.monotonic() - began
    refused = await client.post("/feedback", json=verdict)
    degraded = (await client.get("/readyz")).json()["degraded"]
    proxy.fault = None
    async with asyncio.timeout(20):
        while (await client.post("/feedback", json=verdict)).status_code != 200:
            await asyncio.sleep(0.2)

    assert answer.status_code == 200
    assert took < 1.0
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/feedback-unavailable")
    assert told in refused.json()["detail"]
    assert degraded == [refused.json()["detail"]]


async def test_an_index_that_was_deleted_is_made_again(
    client: httpx.AsyncClient, store: ElasticsearchFeedback, elasticsearch_url: str
) -> None:
    verdict = {"token": (await client.post("/ask", json=LATE)).json()["feedback_token"], "helpful": True}
    assert (await client.post("/feedback", json=verdict)).status_code == 200
    async with open_client(elasticsearch_url, api_key=None, timeout=30.0) as other:
        await other.indices.delete(index=f"{store.alias}-1")
    assert (await client.post("/feedback", json=verdict)).status_code == 503
    assert (await client.post("/feedback", json=verdict)).status_code == 200

    [record] = [record async for record in store.records(0.0)]
    assert record.verdict is not None


async def test_the_gaps_of_a_service_over_elasticsearch(
    elasticsearch_index: Chosen, index_prefix: str, tmp_path: Path
) -> None:
    index = f"{index_prefix}-gaps"  # other tests leave outcomes beside the index that they share
    settings = settings_of(elasticsearch_index, {"index": index, "keep_questions": 30, "data_dir": tmp_path})
    await ingest(settings, SAMPLE)
    async with serving(settings) as service:
        answer = await service.ask("How do I bake bread with rye?", mode="extract")
        verdict = {"token": answer["feedback_token"], "helpful": False, "comment": "No bread?"}
        assert (await service.client.post("/feedback", json=verdict)).status_code == 200
        await asyncio.sleep(1.5)
        shown = (await service.client.get("/admin/report")).json()
        other = await service.ask("Who bakes the rye bread?", mode="extract")
        forgotten = await service.client.delete(f"/admin/answers/{other['request_id']}")
        late = await service.client.post(
            "/feedback", json={"token": other["feedback_token"], "helpful": False, "comment": "No rye?"}
        )
    given = {
        "ASKD_ELASTICSEARCH_URL": str(elasticsearch_index["elasticsearch_url"]),
        "ASKD_INDEX": index,
    }
    askd = Shell(tmp_path)
    found = askd("gaps", "--json", "--least", "1", settings=given).json
    askd("gaps", "forget", answer["request_id"], settings=given)

    assert [group["comments"] for group in shown["groups"]] == [["No bread?"]]
    assert forgotten.json()["request_id"] == other["request_id"]
    assert late.status_code == 410
    assert [group["questions"] for group in found["groups"]] == [["How do I bake bread with rye?"]]
    assert found["groups"][0]["comments"] == ["No bread?"]
    assert found["never_used"]
    assert askd("gaps", "--json", settings=given).json["answers"] == {}
