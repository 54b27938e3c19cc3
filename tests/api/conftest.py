from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.answering.readiness import Readiness
from app.api.routes import get_assistant, get_readiness
from app.indexes.memory import MemoryIndex
from app.main import create_app
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.faq import FAQ
from tests.support.assistant import assistant_of


@pytest.fixture
def llm() -> ScriptedModel:
    return ScriptedModel(script=["Yes, ", "you can join ", "at any time."], loaded=True)


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex(FAQ)


@pytest.fixture
def app(index: MemoryIndex, llm: ScriptedModel) -> FastAPI:
    """The service over the fakes; its lifespan, which opens the real engines, is not run."""
    app = create_app(Settings())
    assistant = assistant_of(index, llm, prompt_tokens=400, answer_tokens=64)
    readiness = Readiness(index, llm, embedder=None)
    app.dependency_overrides[get_assistant] = lambda: assistant
    app.dependency_overrides[get_readiness] = lambda: readiness
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://askd") as client:
        yield client
