"""What /readyz says while real servers come and go."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch

from app.answering.writing_manner import writing_manner
from tests.live.problems import check_no_leak
from tests.live.serving import SAMPLE, Chosen, Service, ingest, serving, settings_of
from tests.live.tcp_proxy import Break, TcpProxy, nobodys_url

pytestmark = [pytest.mark.anyio, pytest.mark.live]

# Both use Ollama, which has no GPU here.
KEPT = 1.1  # seconds, in which a report may be an earlier probe's
WRITING = str(writing_manner("auto", 135_000_000))
ALL_WELL = (
    200,
    {
        "ready": True,
        "missing": [],
        "degraded": [],
        "model_memory": "cpu",
        "writing": WRITING,
        "remote_model": None,
    },
)


async def readiness(service: Service) -> tuple[int, dict[str, Any]]:
    response = await service.client.get("/readyz")
    body = response.json()
    check_no_leak(body)
    assert body["ready"] is (response.status_code == 200)
    return response.status_code, body


async def test_a_model_that_goes_after_all_was_ready_only_degrades(
    embedded_index: Chosen, ollama_model: Chosen, ollama_proxy: TcpProxy
) -> None:
    proxied = {"ollama_url": ollama_proxy.url}
    async with serving(settings_of(embedded_index, ollama_model, proxied)) as service:
        await service.ready()
        ollama_proxy.fault = Break("")
        await asyncio.sleep(KEPT)
        status, body = await readiness(service)
        assert (status, body["missing"]) == (200, [])
        assert "Ollama" in body["degraded"][0]
        ollama_proxy.fault = None
        await asyncio.sleep(KEPT)
        assert await readiness(service) == ALL_WELL


@pytest.fixture(params=["down", "unknown", "not fetched"])
def no_model(request: pytest.FixtureRequest, ollama_model: Chosen) -> Chosen:
    """Settings that lead to none."""
    if request.param == "down":
        return ollama_model | {"ollama_url": nobodys_url()}
    return ollama_model | {"model": "nope"} if request.param == "unknown" else {}


async def test_a_model_that_never_came_is_missing(embedded_index: Chosen, no_model: Chosen) -> None:
    async with serving(settings_of(embedded_index, no_model)) as service:
        status, body = await readiness(service)
        assert (status, body["degraded"]) == (503, [])
        assert len(body["missing"]) == 1
        assert body["missing"][0].startswith("model: ")


async def test_an_elasticsearch_that_goes_takes_readiness_with_it_until_it_is_back(
    elasticsearch_index: Chosen, elasticsearch_proxy: TcpProxy, ollama_model: Chosen
) -> None:
    proxied = {"elasticsearch_url": elasticsearch_proxy.url}
    async with serving(settings_of(elasticsearch_index, proxied, ollama_model)) as service:
        await service.ready()
        elasticsearch_proxy.fault = Break("")
        _, body = await _once(service, 503)
        assert body["missing"][0].startswith("index: ")
        elasticsearch_proxy.fault = None
        async with asyncio.timeout(30):  # feedback is tried again a while after questions are
            while await _once(service, 200) != ALL_WELL:
                await asyncio.sleep(0.2)


@pytest.mark.parametrize("engine", ["elasticsearch", "embedded"])
async def test_an_index_that_is_removed_takes_readiness_with_it(
    elasticsearch_url: str, index_prefix: str, ollama_model: Chosen, tmp_path: Path, engine: str
) -> None:
    lost: Chosen = {"data_dir": tmp_path}
    if engine == "elasticsearch":
        lost = {
            "elasticsearch_url": elasticsearch_url,
            "index": f"{index_prefix}-lost",
            "search_timeout": 30.0,
        }
    settings = settings_of(lost, ollama_model)
    await ingest(settings, SAMPLE)
    async with serving(settings) as service:
        await service.ready()
        if engine == "elasticsearch":
            async with AsyncElasticsearch(elasticsearch_url) as client:
                [name] = await client.indices.get(index=f"{index_prefix}-lost-*")
                await client.indices.delete(index=name)
        else:
            shutil.rmtree(tmp_path / "index")
        _, body = await _once(service, 503)
        assert "askd ingest" in body["missing"][0]


async def _once(service: Service, status: int) -> tuple[int, dict[str, Any]]:
    """What /readyz says once it has that status: a manifest may be a second old."""
    async with asyncio.timeout(30):
        while (said := await readiness(service))[0] != status:
            await asyncio.sleep(0.05)
        return said
