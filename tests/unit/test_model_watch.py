import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.errors import ModelUnavailable
from app.models.base import LanguageModel
from app.models.pool import Member, ModelPool
from app.models.scripted import ScriptedModel
from app.models.watch import ModelWatch
from app.traffic.circuit_breaker import CircuitBreaker
from tests.support.clock import JUMPING

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


@asynccontextmanager
async def watching(
    llm: LanguageModel, warm_up: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[ModelWatch]:
    watch = ModelWatch(llm, warm_up)
    task = asyncio.ensure_future(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


@pytest.mark.parametrize("failure", [ModelUnavailable("not yet"), RuntimeError("a bug")])
async def test_a_model_that_is_not_there_yet_is_loaded_once_it_is(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    llm = ScriptedModel(failure=failure)
    async with watching(llm) as watch:
        await asyncio.sleep(1)
        assert (len(caplog.records), llm.loaded, watch.model, watch.status) == (1, False, "", None)
        llm.failure = None
        await asyncio.sleep(5)
        assert watch.model == "scripted@digest"
        assert watch.status
        assert watch.status.loaded


@pytest.mark.parametrize("failure", [ModelUnavailable("gone"), RuntimeError("a bug")])
async def test_a_model_that_goes_away_is_remembered_and_seen_again(failure: Exception) -> None:
    llm = ScriptedModel()
    async with watching(llm) as watch:
        await asyncio.sleep(1)
        assert watch.status
        llm.failure = failure
        await asyncio.sleep(15)
        assert watch.status is None
        assert watch.model == "scripted@digest"
        llm.failure = None
        await asyncio.sleep(15)
        assert watch.status


@pytest.mark.parametrize("failure", [ModelUnavailable("only thoughts"), RuntimeError("a bug")])
async def test_a_model_that_cannot_be_warmed_up_is_loaded_all_the_same(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = []

    async def warm_up() -> None:
        attempts.append(failure)
        raise failure

    async with watching(ScriptedModel(), warm_up) as watch:
        await asyncio.sleep(60)
        assert watch.model == "scripted@digest"
        assert len(attempts) == 1
        assert "the model could not be warmed up" in caplog.messages


async def test_while_one_of_its_servers_fails_it_is_looked_at_more_often() -> None:
    down = ScriptedModel(failure=ModelUnavailable("gone"))
    members = [Member("down", down, CircuitBreaker()), Member("up", ScriptedModel(), CircuitBreaker())]
    async with watching(ModelPool(members)) as watch:
        await asyncio.sleep(1)
        assert watch.status
        assert watch.status.servers["down"] == "gone"
        down.failure = None
        await asyncio.sleep(6)
        assert watch.status.servers["down"] != "gone"
