"""Answers that were kept: sent before routing, and never where the route would have said something else."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.answering.service import Assistant
from app.api.routes import get_assistant
from app.indexes.manifest import Manifest
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from tests.faq import FAQ
from tests.support.assistant import assistant_of

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}


class HangingIndex(MemoryIndex):
    hangs = False

    async def manifest(self) -> Manifest:
        if self.hangs:
            await asyncio.Event().wait()
        return await super().manifest()


@pytest.fixture
def index() -> HangingIndex:
    return HangingIndex(FAQ)


@pytest.fixture
async def assistant(app: FastAPI, index: HangingIndex, llm: ScriptedModel) -> Assistant:
    assistant = assistant_of(index, llm, cache_entries=100)
    await assistant.watch.look()
    app.dependency_overrides[get_assistant] = lambda: assistant
    return assistant


@pytest.fixture
async def client(app: FastAPI, assistant: Assistant) -> AsyncIterator[httpx.AsyncClient]:
    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        """As a server does that ran the lifespan."""
        await app({**scope, "state": {"assistant": assistant}}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://askd") as client:
        yield client


@pytest.fixture
async def first(client: httpx.AsyncClient) -> httpx.Response:
    """The answer that is kept."""
    return await client.post("/ask", json=LATE)


async def test_a_kept_answer_is_the_same_but_for_what_is_the_requests_own(
    app: FastAPI, client: httpx.AsyncClient, first: httpx.Response, llm: ScriptedModel
) -> None:
    del app.router.routes[:]  # there is nowhere else to go
    second = await client.post("/ask", json=LATE, headers={"X-Request-Timeout": "1"})
    timings = second.json()["timings_ms"]
    own = {
        "cached": True,
        "timings_ms": timings,
        "request_id": second.headers["x-request-id"],
    }
    assert second.json() == first.json() | own
    assert not first.json()["cached"]
    assert timings.pop("total") < 100
    assert set(timings.values()) == {0, None}
    assert second.headers.keys() == first.headers.keys()
    assert len(llm.prompts) == 1


async def test_a_stream_gets_it_in_one_piece(client: httpx.AsyncClient, first: httpx.Response) -> None:
    stream = (await client.post("/ask/stream", json=LATE)).text
    assert stream.count("event: token") == 1
    assert '"cached":true' in stream


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_no_cache_has_it_written_anew(
    client: httpx.AsyncClient, first: httpx.Response, llm: ScriptedModel, path: str
) -> None:
    again = await client.post(path, json=LATE, headers={"Cache-Control": "max-age=0, No-Cache"})
    assert '"cached":false' in again.text
    assert len(llm.prompts) == 2


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"X-Request-Timeout": "soon"}, 422),
        ("POST", {"Content-Type": "text/plain"}, 415),
        ("PUT", {}, 405),
        ("GET", {}, 405),
    ],
)
async def test_what_is_wrong_with_a_request_stays_wrong(
    client: httpx.AsyncClient, first: httpx.Response, method: str, headers: dict[str, str], status: int
) -> None:
    response = await client.request(method, "/ask", json=LATE, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


async def test_an_index_that_does_not_answer_makes_nobody_wait_beyond_the_deadline(
    client: httpx.AsyncClient, first: httpx.Response, index: HangingIndex
) -> None:
    index.hangs = True
    began = time.monotonic()
    response = await client.post("/ask", json=LATE, headers={"X-Request-Timeout": "0.3"})
    assert (response.status_code, response.json()["type"]) == (504, "/problems/deadline-exceeded")
    assert 0.3 <= time.monotonic() - began < 3.0
