from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.answering.service import Assistant
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.traffic.shutdown import GracefulShutdown
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ


@pytest.fixture
def llm() -> ScriptedModel:
    return ScriptedModel(script=["Yes, ", "you can join ", "at any time."], loaded=True)


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex(FAQ)


@pytest.fixture
def assistant(index: MemoryIndex, llm: ScriptedModel) -> Assistant:
    return assistant_of(index, llm, prompt_tokens=400, answer_tokens=64)


@pytest.fixture
def shutdown() -> GracefulShutdown:
    return GracefulShutdown()


@pytest.fixture
def app(assistant: Assistant, index: MemoryIndex, llm: ScriptedModel, shutdown: GracefulShutdown) -> FastAPI:
    """The service over the fakes."""
    return app_of(assistant, index, llm, shutdown=shutdown)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app) as client:
        yield client
