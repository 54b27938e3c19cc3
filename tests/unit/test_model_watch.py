import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import ModelUnavailable
from app.models import watch as model_watch
from app.models.scripted import ScriptedModel
from app.models.watch import ModelWatch

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_watch, "_RETRY", 0.0)
    monkeypatch.setattr(model_watch, "_PERIOD", 0.0)


@asynccontextmanager
async def watching(llm: ScriptedModel) -> AsyncIterator[ModelWatch]:
    watch = ModelWatch(llm)
    task = asyncio.ensure_future(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_a_model_that_is_not_there_yet_is_loaded_once_it_is(caplog: pytest.LogCaptureFixture) -> None:
    llm = ScriptedModel(failure=ModelUnavailable("not yet"))
    async with watching(llm) as watch:
        while not caplog.records:
            await asyncio.sleep(0)
        assert (llm.loaded, watch.model, watch.status) == (False, "", None)
        llm.failure = None
        while not watch.model:
            await asyncio.sleep(0)
    assert watch.model == "scripted@digest"
    assert watch.status
    assert watch.status.loaded


async def test_a_model_that_goes_away_is_remembered_and_seen_again() -> None:
    llm = ScriptedModel()
    async with watching(llm) as watch:
        while not watch.status:
            await asyncio.sleep(0)
        llm.failure = ModelUnavailable("gone")
        while watch.status:
            await asyncio.sleep(0)
        assert watch.model == "scripted@digest"
        llm.failure = None
        while not watch.status:
            await asyncio.sleep(0)
