import httpx
import pytest

from app.models.scripted import ScriptedModel

pytestmark = pytest.mark.anyio


async def test_search_is_retrieval_alone(client: httpx.AsyncClient, llm: ScriptedModel) -> None:
    response = await client.post("/search", json={"question": "join the course", "limit": 2})

    body = response.json()
    assert response.status_code == 200
    assert body.keys() == {"hits", "confidence", "notices", "timings_ms", "request_id"}
    assert body["hits"][0]["id"] == "join"
    assert len(body["hits"]) <= 2
    assert body["hits"][0]["lexical"] > 0
    assert body["hits"][0]["semantic"] is None
    assert llm.prompts == []


async def test_search_can_be_narrowed_to_a_collection(client: httpx.AsyncClient) -> None:
    response = await client.post("/search", json={"question": "install Docker course", "collection": "tools"})
    assert {hit["collection"] for hit in response.json()["hits"]} == {"tools"}


async def test_the_collections_and_the_version_that_serves(client: httpx.AsyncClient) -> None:
    body = (await client.get("/collections")).json()

    assert body["collections"] == [{"name": "course", "entries": 3}, {"name": "tools", "entries": 1}]
    assert body["index"].keys() == {"version", "created", "embedder"}


async def test_livez_says_that_the_process_runs(client: httpx.AsyncClient) -> None:
    response = await client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"live": True})


async def test_readyz_says_what_is_missing(client: httpx.AsyncClient, llm: ScriptedModel) -> None:
    llm.loaded = False
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "missing": ["model: scripted is still loading"],
        "degraded": [],
        "model_memory": None,
        "writing": None,
        "remote_model": None,
    }


async def test_readyz_is_a_200_once_index_and_model_are_there(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["missing"]) == (200, [])


async def test_the_docs_page_needs_no_other_host(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text

    assert "http://" not in page
    assert "https://" not in page
    for part in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert (await client.get(f"/static-offline-docs/{part}")).status_code == 200
