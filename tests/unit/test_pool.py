import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.errors import ModelError, ModelMissing, ModelUnavailable, Overloaded
from app.models.base import Chunk, LanguageModel, Message, ModelProfile, ModelStatus, Prompt, PromptStyle
from app.models.failures import FAILURES, refusal
from app.models.pool import Member, ModelPool
from app.models.scripted import ScriptedModel
from app.traffic.circuit_breaker import CircuitBreaker, State
from tests.support.clock import JUMPING

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


PROMPT = Prompt(PromptStyle.CHAT, [Message("user", "Hello?")], 16)
GONE = ModelUnavailable("gone")


@dataclass
class Guarded(ScriptedModel):
    """With a circuit breaker, as those of servers have one."""

    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    down: bool = False

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        with self.breaker.call(FAILURES, refusal):
            if self.down:
                self.prompts.append(prompt)
                raise ModelUnavailable("gone")
            async for chunk in super().generate(prompt):
                yield chunk


class Silent(ScriptedModel):
    """Its server takes connections, and never answers."""

    async def load(self) -> None:
        await asyncio.Event().wait()

    async def status(self) -> ModelStatus:
        await asyncio.Event().wait()
        raise AssertionError


def pool_of(*models: ScriptedModel) -> ModelPool:
    members = []
    for place, model in enumerate(models):
        breaker = CircuitBreaker(pause=60.0)
        if isinstance(model, Guarded):
            model.breaker = breaker
        members.append(Member(f"server-{place}", model, breaker))
    return ModelPool(members)


async def said(model: LanguageModel) -> str:
    async with aclosing(model.generate(PROMPT)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_a_generation_that_has_not_begun_is_sent_to_another_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    down, up = ScriptedModel([GONE]), ScriptedModel(["Yes", "."])
    pool = pool_of(down, up)
    assert [await said(pool) for _ in range(3)] == ["Yes."] * 3
    assert vars(caplog.records[0])["server"] == "server-0"


@pytest.mark.parametrize("first", ["Y", ""], ids=["some text", "thoughts"])
async def test_one_that_has_begun_is_never_sent_again(first: str) -> None:
    class Failing(ScriptedModel):
        async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
            yield Chunk(first)
            raise GONE

    up = ScriptedModel()
    with pytest.raises(ModelUnavailable):
        await said(pool_of(Failing(), up))
    assert not up.prompts


async def test_where_all_fail_the_last_failure_is_told() -> None:
    with pytest.raises(ModelMissing, match="pull"):
        await said(pool_of(ScriptedModel([GONE]), ScriptedModel([ModelMissing("pull it")])))


async def test_a_server_that_fails_again_and_again_is_spared() -> None:
    down, up = Guarded(["Back."]), Guarded(["Yes."])
    down.down = True
    pool = pool_of(down, up)
    for _ in range(20):
        assert await said(pool) == "Yes."
        await pool.status()  # finds nothing wrong
    assert len(down.prompts) == 5


@pytest.mark.parametrize("error", [GONE, Overloaded("busy"), ModelMissing("pull it")])
async def test_a_server_that_failed_is_not_asked_again_at_once(error: ModelError) -> None:
    down, up = ScriptedModel([error]), ScriptedModel(["Yes."])
    pool = pool_of(down, up)
    for _ in range(5):
        assert await said(pool) == "Yes."
    assert len(down.prompts) == 1
    for member in pool.members:
        member.admission.clock = lambda: time.monotonic() + 60  # the pause of its circuit breaker
    await said(pool)
    assert len(down.prompts) == 2


@pytest.mark.parametrize("ask", [ModelPool.load, ModelPool.status])
async def test_a_server_that_was_found_failing_is_left_out_until_it_is_well(
    ask: Callable[[ModelPool], Awaitable[object]],
) -> None:
    down, up = ScriptedModel(["Back."], failure=GONE), ScriptedModel(["Yes."])
    pool = pool_of(down, up)
    await ask(pool)
    assert [await said(pool) for _ in range(3)] == ["Yes."] * 3
    down.failure = None
    await ask(pool)
    assert await said(pool) == "Back."


async def test_a_server_without_the_model_is_left_out_while_there_is_another() -> None:
    without, up = ScriptedModel(["Only one."], present=False), ScriptedModel(["Yes."])
    pool = pool_of(without, up)
    await pool.status()
    assert await said(pool) == "Yes."
    up.script = [GONE]
    assert await said(pool) == "Only one."


async def test_a_server_that_comes_back_is_tried_with_one_generation() -> None:
    down, up = Guarded(["Back."]), Guarded(["Yes."])
    down.down = True
    pool = pool_of(down, up)
    for _ in range(8):
        await said(pool)
        await pool.status()
    down.prompts.clear()
    down.breaker.pause = 0.0  # half open
    down.down = False
    down.pause.clear()
    asked = [asyncio.create_task(said(pool)) for _ in range(3)]
    while not down.prompts:
        await asyncio.sleep(0)
    assert len(down.prompts) == 1
    down.pause.set()
    assert sorted(await asyncio.gather(*asked)) == ["Back.", "Yes.", "Yes."]


async def test_a_slow_server_that_comes_back_is_tried_though_a_faster_one_is_free() -> None:
    slow, fast = Guarded(["s"]), Guarded(["f"])
    pool = pool_of(slow, fast)
    for member, seconds in zip(pool.members, (4.0, 1.0), strict=True):
        member.admission.service.learn(seconds)
    for attempt in range(5):
        slow.breaker.failed(ModelUnavailable(f"gone {attempt}"))
    slow.breaker.pause = 0.0  # half open
    assert await said(pool) == "f"  # it is not known to be back
    slow.loaded = True
    await pool.status()
    assert [await said(pool) for _ in range(2)] == ["s", "f"]
    assert slow.breaker.state is State.CLOSED


async def test_a_generation_goes_where_the_wait_is_shortest() -> None:
    slow, fast = ScriptedModel(["s"]), ScriptedModel(["f"])
    pool = pool_of(slow, fast)
    for member, seconds in zip(pool.members, (4.0, 1.0), strict=True):
        member.admission.service.learn(seconds)
    slow.pause.clear()
    fast.pause.clear()
    asked = [asyncio.create_task(said(pool)) for _ in range(5)]
    await asyncio.sleep(0.01)
    # 1 on each, then 2 more wait for the fast one's slot rather than for the slow one's
    assert [member.admission.serving + member.admission.waiting for member in pool.members] == [1, 4]
    slow.pause.set()
    fast.pause.set()
    assert sorted(await asyncio.gather(*asked)) == ["f"] * 4 + ["s"]


async def test_its_status_is_that_of_all_and_names_what_is_wrong_with_each() -> None:
    models: Sequence[ScriptedModel] = [
        ScriptedModel(loaded=True, gpu_bytes=100),
        ScriptedModel(failure=GONE),
        ScriptedModel(loaded=False),
    ]
    pool = pool_of(*models)
    status = await pool.status()
    assert (status.present, status.loaded, status.memory) == (True, True, "gpu")
    assert dict(status.servers) == {
        "server-0": None,
        "server-1": "gone",
        "server-2": "scripted is not loaded",
    }
    assert (await pool.profile()).digest == "digest"
    await pool.load()
    assert models[2].loaded


async def test_it_fails_only_where_all_servers_do() -> None:
    pool = pool_of(ScriptedModel(failure=GONE), ScriptedModel(failure=GONE))
    for ask in (pool.load, pool.profile, pool.status):
        with pytest.raises(ModelUnavailable, match="gone"):
            await ask()


async def test_a_silent_server_does_not_hold_up_the_others() -> None:
    pool = pool_of(Silent(), ScriptedModel())
    async with asyncio.timeout(15):
        await pool.load()
    async with asyncio.timeout(2):  # as long as a readiness probe waits
        status = await pool.status()
    assert status.loaded
    assert dict(status.servers) == {"server-0": "it does not answer", "server-1": None}


@dataclass
class Other(ScriptedModel):
    """Another build of the model."""

    async def profile(self) -> ModelProfile:
        return replace(await super().profile(), digest="other")


async def test_its_digest_stays_when_a_server_goes_and_comes_back() -> None:
    leaving = Other()
    pool = pool_of(leaving, ScriptedModel())
    await pool.status()
    digest = (await pool.profile()).digest
    leaving.failure = GONE
    await pool.status()
    assert (await pool.profile()).digest == digest == "other+digest"
    leaving.failure = None
    await pool.status()
    assert (await pool.profile()).digest == digest
