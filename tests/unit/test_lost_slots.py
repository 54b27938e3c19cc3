"""askd gets back the slots that Ollama loses: against a server in trouble. tests/long has the real one."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from app.errors import ModelTimeout
from app.models.base import Message, Prompt, PromptStyle
from app.models.ollama.client import open_client
from app.models.ollama.model import OllamaModel
from app.models.ollama.runner import Runner
from tests.support.ollama_server import OllamaServer, Reply, Then, lines, ollama_server

pytestmark = pytest.mark.anyio

RUNNER = Runner(num_ctx=512, num_batch=64, num_thread=2, seed=7, keep_alive="-1")
PROMPT = Prompt(PromptStyle.CHAT, [Message("user", "Hello?")], 16)
WRITTEN = Reply([lines({"response": "Hi", "done": True})])
NOTHING = Reply(then=Then.HANG)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.models.ollama.model.SUSPICIOUS", 0.1)
    monkeypatch.setattr("app.models.ollama.lost_slots.PATIENCE", 0.3)


async def requests(server: OllamaServer, count: int) -> list[dict[str, Any]]:
    """The first requests to /api/generate, once there are so many."""
    async with asyncio.timeout(5):
        while len(found := [body for path, body in server.requests if path == "/api/generate"]) < count:
            await asyncio.sleep(0.01)
    return found


async def ask_in_vain(server: OllamaServer, first_token_timeout: float = 0.2) -> None:
    """Leaves time for the check, and ends it."""
    async with open_client(server.url, 1.0) as client:
        model = OllamaModel(
            client, "tiny", RUNNER, first_token_timeout=first_token_timeout, generate_timeout=9.0
        )
        with pytest.raises(ModelTimeout):
            async with aclosing(model.generate(PROMPT)) as chunks:
                await anext(chunks)
        await asyncio.sleep(0.6)
        await model.close()


async def test_a_model_that_answers_nobody_is_loaded_anew(caplog: pytest.LogCaptureFixture) -> None:
    async with ollama_server(chat=[NOTHING, WRITTEN], generate=NOTHING) as server:
        await ask_in_vain(server)
        (check,) = await requests(server, 1)
        question, reload = [body for path, body in server.requests if path == "/api/chat"]
    assert check["stream"] is False
    assert check["options"]["num_batch"] == question["options"]["num_batch"] == 64
    assert reload["messages"] == []
    assert reload["options"]["num_batch"] != 64  # or else Ollama leaves it as it is
    assert reload["keep_alive"] == "1s"
    assert "it is told to load the model anew" in caplog.text


async def test_a_model_that_still_answers_is_left_alone() -> None:
    async with ollama_server(chat=NOTHING, generate=[WRITTEN, WRITTEN]) as server:
        await ask_in_vain(server)
        assert len(await requests(server, 1)) == 1


async def test_who_waited_for_a_moment_only_is_no_reason_for_a_check() -> None:
    async with ollama_server(chat=NOTHING, generate=WRITTEN) as server:
        await ask_in_vain(server, first_token_timeout=0.05)
        assert not await requests(server, 0)


async def test_a_server_that_fails_the_check_is_told_nothing() -> None:
    async with ollama_server(chat=NOTHING, generate=Reply(status=503)) as server:
        await ask_in_vain(server)
        assert len(await requests(server, 1)) == 1
