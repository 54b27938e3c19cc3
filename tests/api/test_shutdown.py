"""Graceful shutdown, on a real socket: httpx's test transport buffers streams."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.traffic.shutdown import GracefulShutdown
from tests.support.app import app_of
from tests.support.assistant import assistant_of
from tests.support.served import served

pytestmark = pytest.mark.anyio
QUESTIONS = [
    "Is it possible to join the course at any time?",
    "Can I still join the course at any time, though it has begun?",
]


async def test_when_the_grace_period_ends_running_requests_are_told(
    app: FastAPI, llm: ScriptedModel, shutdown: GracefulShutdown
) -> None:
    llm.pause.clear()
    bodies = [{"question": question, "mode": "generate"} for question in QUESTIONS]
    async with served(app) as client:
        stream = asyncio.create_task(client.post("/ask/stream", json=bodies[0]))
        while not llm.prompts:
            await asyncio.sleep(0.01)
        queued = asyncio.create_task(client.post("/ask", json=bodies[1]))
        await asyncio.sleep(0.5)  # the stream has begun, the other one waits for its slot
        shutdown.begin(0.1)

        refused = await queued
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/shutting-down")
        assert refused.headers["retry-after"] == "5"
        *before, last = (await stream).text.strip().split("\n\n")
        assert {"event: error", f"id: {len(before) + 1}"} <= set(last.splitlines())
        assert "/problems/shutting-down" in last
        assert llm.closed


async def being_answered(client: httpx.AsyncClient, llm: ScriptedModel) -> asyncio.Task[httpx.Response]:
    """A question whose answer the model has begun."""
    answered = asyncio.create_task(client.post("/ask", json={"question": QUESTIONS[0]}))
    while not llm.prompts:
        await asyncio.sleep(0.01)
    return answered


async def test_new_requests_are_refused_while_it_shuts_down(
    app: FastAPI, llm: ScriptedModel, shutdown: GracefulShutdown
) -> None:
    llm.pause.clear()
    async with served(app) as client:
        answered = await being_answered(client, llm)
        shutdown.begin(20)
        ended = asyncio.create_task(shutdown.idle())
        assert (await client.get("/readyz")).status_code == 503
        for path in ("/ask", "/ask/stream", "/search"):
            refused = await client.post(path, json={"question": QUESTIONS[1]})
            assert (refused.status_code, refused.json()["type"]) == (503, "/problems/shutting-down")
        assert not ended.done()
        llm.pause.set()
        assert (await answered).status_code == 200
        await asyncio.wait_for(ended, 5)


async def test_what_ends_within_the_grace_period_is_a_whole_answer(
    app: FastAPI, llm: ScriptedModel, shutdown: GracefulShutdown
) -> None:
    llm.pause.clear()
    async with served(app) as client:
        answered = await being_answered(client, llm)
        shutdown.begin(20)
        llm.pause.set()
        assert (await answered).json()["status"] == "answered"


class NeverLoads(ScriptedModel):
    async def load(self) -> None:
        await asyncio.Event().wait()


async def test_shutdown_does_not_wait_for_the_model_to_load(index: MemoryIndex) -> None:
    llm = NeverLoads()
    async with asyncio.timeout(10), served(app_of(assistant_of(index, llm), index, llm)) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).json()["missing"] == ["model: scripted is still loading"]
