"""`askd serve` is told to stop while it answers: nobody is left without a word."""

import asyncio
import json
import signal
from typing import Any

import httpx
import pytest

from tests.cli.shell import Shell
from tests.fakes.ollama_server import Reply, Then, lines, ollama_server, said

pytestmark = pytest.mark.anyio
RUNNING, QUEUED = 64, 10  # and as many again that ask for JSON
SHOWN: dict[str, Any] = {
    "template": "{{ .System }} {{ .Prompt }}",
    "modelfile": "FROM x",
    "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
}
LISTED = {"models": [{"model": "tiny:latest", "digest": "abc", "size": 1, "size_vram": 0}]}


def body(number: int) -> dict[str, str]:
    """Each asks something else, so that nobody shares."""
    return {
        "question": f"Is it possible to join the course at any time, say in week {number}?",
        "mode": "generate",
    }


async def stream(client: httpx.AsyncClient, number: int, begun: asyncio.Semaphore, until: str) -> str:
    """All of a stream; `begun` is released at the first event of the kind `until`."""
    text, waits = "", True
    async with client.stream("POST", "/ask/stream", json=body(number)) as response:
        assert response.status_code == 200, await response.aread()
        async for piece in response.aiter_text():
            text += piece
            if waits and f"event: {until}" in text:
                waits = False
                begun.release()
    return text


async def test_all_who_wait_are_told_that_it_stops(filled: Shell) -> None:
    """The model says a few words to those it has slots for, then nothing more."""
    begun = asyncio.Semaphore(0)
    metadata = {"show": Reply([lines(SHOWN)]), "tags": Reply([lines(LISTED)]), "ps": Reply([lines(LISTED)])}
    chat = Reply([lines(said("You can join "), said("at any time. "))], then=Then.HANG)
    async with ollama_server(chat=chat, **metadata) as model:
        settings = {"ASKD_OLLAMA_URL": model.url, "ASKD_MODEL": "tiny", "ASKD_SLOTS": str(RUNNING)}
        with filled.serving(settings) as server:
            async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
                running = [asyncio.create_task(stream(client, n, begun, "token")) for n in range(RUNNING)]
                for _ in running:
                    await begun.acquire()
                numbers = range(RUNNING, RUNNING + QUEUED)
                calls = [asyncio.create_task(client.post("/ask", json=body(n + QUEUED))) for n in numbers]
                queued = [asyncio.create_task(stream(client, n, begun, "sources")) for n in numbers]
                for _ in queued:
                    await begun.acquire()
                status = await asyncio.to_thread(server.stop, signal.SIGTERM)

                for text in await asyncio.gather(*running, *queued):
                    number, name, data = text.strip().split("\n\n")[-1].split("\n")
                    assert (number, name) == (f"id: {text.count('event: ')}", "event: error")
                    assert json.loads(data.removeprefix("data: "))["type"] == "/problems/shutting-down"
                for response in await asyncio.gather(*calls):
                    assert response.status_code == 503
                    assert response.json()["type"] == "/problems/shutting-down"
                assert status == 0
