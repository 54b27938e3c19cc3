"""What anyone may ask without a key, where others need one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.api.keys import add_key
from app.errors import BadSettings
from app.indexes.memory import MemoryIndex
from app.main import create_app
from app.models.scripted import ScriptedModel
from app.settings import Settings, read_settings
from tests.api.test_access import PROTECTED, calling
from tests.live.serving import events
from tests.support.app import app_of
from tests.support.app import calling as calling_app
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ

pytestmark = pytest.mark.anyio
JOIN = "Can I still join the course?"
ALLOWED = {"question": JOIN, "collection": "course"}


@asynccontextmanager
async def public(
    tmp_path: Path, collections: str = "course, gone", **more: object
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """A caller of a service with keys, and the headers of one who has one."""
    keys = tmp_path / "keys"
    key = add_key(keys, "web")
    chosen: dict[str, object] = {"rate_limit": "100/minute", **more}
    async with calling(api_keys_file=keys, public_collections=collections, **chosen) as client:
        yield client, {"X-API-Key": key}


async def test_a_public_collection_is_asked_without_a_key_and_judged(tmp_path: Path) -> None:
    async with public(tmp_path) as (client, _):
        response = await client.post("/ask/stream", json=ALLOWED)
        assert response.status_code == 200
        name, answer = events(response.text)[-1]
        assert (name, answer["status"]) == ("done", "answered")
        assert {source["collection"] for source in answer["sources"]} == {"course"}
        verdict = {"token": answer["feedback_token"], "helpful": True}
        assert (await client.post("/feedback", json=verdict)).status_code == 200
        assert (await client.post("/feedback", json={**verdict, "token": "x"})).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"collection": "tools"},
        {"collection": None},
        {"collection": "none such"},
        {"collection": "course,tools"},
        {"collection": "COURSE"},
        {"mode": "generate"},
        {"mode": "extract"},
    ],
)
async def test_nothing_else_is(tmp_path: Path, change: dict[str, str | None]) -> None:
    async with public(tmp_path) as (client, own):
        body = {name: value for name, value in {**ALLOWED, **change}.items() if value is not None}
        response = await client.post("/ask/stream", json=body)
        assert (response.status_code, response.json()["type"]) == (403, "/problems/forbidden")
        assert "without an API key" in response.json()["detail"]
        assert (await client.post("/ask/stream", json=body, headers=own)).status_code in (200, 404)


@pytest.mark.parametrize("collection", [["course", "tools"], {"course": 1}])
async def test_a_list_of_collections_is_no_collection(tmp_path: Path, collection: object) -> None:
    async with public(tmp_path) as (client, _):
        for body in ({**ALLOWED, "collection": collection}, {**ALLOWED, "collections": ["tools"]}):
            assert (await client.post("/ask/stream", json=body)).status_code == 422


async def test_a_conversation_about_other_collections_leads_to_none_of_them(tmp_path: Path) -> None:
    history = [
        {"role": "user", "content": "How do I install Docker?"},
        {"role": "assistant", "content": "Install the package docker.io. Then start dockerd."},
    ]
    async with public(tmp_path) as (client, _):
        body = {"question": "and how do I install it?", "collection": "course", "history": history}
        response = await client.post("/ask/stream", json=body)
        assert response.status_code == 200
        assert "docker.io" not in response.text
        _, answer = events(response.text)[-1]
        assert {source["collection"] for source in answer["sources"]} <= {"course"}


async def test_a_collection_that_is_not_there_names_no_other(tmp_path: Path) -> None:
    async with public(tmp_path) as (client, own):
        gone = {**ALLOWED, "collection": "gone"}
        response = await client.post("/ask/stream", json=gone)
        assert (response.status_code, response.json()["type"]) == (404, "/problems/unknown-collection")
        assert response.json()["detail"] == "no collection 'gone'"
        response = await client.post("/ask/stream", json=gone, headers=own)
        assert "course, tools" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"), [pair for pair in PROTECTED if pair[1] not in ("/ask/stream", "/feedback")]
)
async def test_every_other_route_wants_a_key_as_before(tmp_path: Path, method: str, path: str) -> None:
    async with public(tmp_path) as (client, _):
        response = await client.request(method, path, json=ALLOWED)
        assert (response.status_code, response.json()["type"]) == (401, "/problems/unauthorized")


async def test_a_wrong_key_is_no_key_left_out(tmp_path: Path) -> None:
    async with public(tmp_path) as (client, _):
        response = await client.post("/ask/stream", json=ALLOWED, headers={"X-API-Key": "askd_wrong"})
        assert response.status_code == 401


async def test_without_public_collections_nothing_is_asked_without_a_key(tmp_path: Path) -> None:
    async with public(tmp_path, "") as (client, _):
        for path in ("/ask/stream", "/feedback"):
            assert (await client.post(path, json=ALLOWED)).status_code == 401


async def test_where_no_key_is_needed_anything_may_be_asked_as_before() -> None:
    async with calling(public_collections="course", rate_limit="9/minute") as client:
        for body in ({"question": JOIN}, {**ALLOWED, "collection": "tools"}, {**ALLOWED, "mode": "extract"}):
            assert (await client.post("/ask/stream", json=body)).status_code == 200
        assert (await client.post("/ask", json={"question": JOIN})).status_code == 200


async def test_callers_without_a_key_are_limited_by_their_address(tmp_path: Path) -> None:
    def of(address: str) -> dict[str, str]:
        return {"X-Forwarded-For": address}

    async with public(tmp_path, rate_limit="1/hour", trusted_proxies="203.0.113.7") as (client, own):
        first, again, other = [
            await client.post("/ask/stream", json=ALLOWED, headers=of(address))
            for address in ("2001:db8::1", "2001:db8::2", "198.51.100.2")
        ]
        assert [first.status_code, again.status_code, other.status_code] == [200, 429, 200]
        assert 0 < int(again.headers["retry-after"]) <= 3600
        assert (await client.post("/ask/stream", json=ALLOWED, headers=own)).status_code == 200


async def test_without_a_key_nobody_makes_the_model_write_again_what_is_cached(tmp_path: Path) -> None:
    index, llm = MemoryIndex(FAQ), ScriptedModel(script=["Yes, at any time [1]."], loaded=True)
    keys = tmp_path / "keys"
    own = {"X-API-Key": add_key(keys, "web")}
    settings = Settings(api_keys_file=keys, public_collections="course", rate_limit="9/minute")
    assistant = assistant_of(index, llm, cache_entries=9)
    async with calling_app(app_of(assistant, index, llm, settings)) as client:
        await assistant.watch.look()
        headers = {"Cache-Control": "no-cache"}
        cached = []
        for more in ({}, {}, own):
            response = await client.post("/ask/stream", json=ALLOWED, headers={**headers, **more})
            cached.append(events(response.text)[-1][1]["cached"])
        assert cached == [False, True, False]


def test_it_does_not_start_without_a_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKD_PUBLIC_COLLECTIONS", "course")
    with pytest.raises(BadSettings, match=r"ASKD_PUBLIC_COLLECTIONS.*ASKD_RATE_LIMIT=20/minute"):
        read_settings()
    monkeypatch.setenv("ASKD_RATE_LIMIT", "20/minute")
    create_app(read_settings())
