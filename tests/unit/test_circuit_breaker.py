import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from app.answering.prompt import build_prompt
from app.domain import Usage
from app.embedders.base import Vector
from app.errors import (
    AskdError,
    IndexMissing,
    ModelMissing,
    ModelTimeout,
    ModelUnavailable,
    SearchUnavailable,
)
from app.indexes.base import SearchResult
from app.indexes.guarded import GuardedIndex
from app.indexes.manifest import Manifest
from app.indexes.memory import MemoryIndex
from app.models.base import Chunk, Prompt, PromptStyle
from app.models.guarded import GuardedModel
from app.models.scripted import ScriptedModel
from app.traffic.circuit_breaker import CircuitBreaker, State
from tests.support.faq import FAQ, JOIN

pytestmark = pytest.mark.anyio


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Refused(Exception):
    def __init__(self, last: str, seconds: int) -> None:
        self.last = last
        self.seconds = seconds


def call(breaker: CircuitBreaker, outcome: BaseException | None = None) -> None:
    with breaker.call(ConnectionError, Refused):
        if outcome:
            raise outcome


def look_up(breaker: CircuitBreaker, outcome: BaseException | None = None) -> None:
    with breaker.lookup(ConnectionError, Refused):
        if outcome:
            raise outcome


def state_of(breaker: CircuitBreaker) -> State:
    return breaker.state  # a function, or mypy would think that it stays as it is


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(failures=3, pause=5.0, clock=clock)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            call(breaker, ConnectionError())
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_says_for_how_long() -> None:
    breaker = opened(clock := Clock())
    assert state_of(breaker) is State.OPEN
    clock.now = 1.5
    with pytest.raises(Refused) as refused:
        call(breaker)
    assert refused.value.seconds == 4


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = CircuitBreaker(failures=2)
    for outcome in (ConnectionError(), ValueError("answered, if badly"), ConnectionError()):
        with pytest.raises(type(outcome)):
            call(breaker, outcome)
    assert state_of(breaker) is State.CLOSED


def test_half_open_it_lets_one_call_through_which_decides() -> None:
    breaker = opened(clock := Clock())
    clock.now = 5.0
    assert state_of(breaker) is State.HALF_OPEN
    with breaker.call(ConnectionError, Refused), pytest.raises(Refused):
        call(breaker)
    assert state_of(breaker) is State.CLOSED

    breaker = opened(clock)
    clock.now = 10.0
    with pytest.raises(ConnectionError):
        call(breaker, ConnectionError())
    assert state_of(breaker) is State.OPEN


def test_a_cancelled_call_does_not_count() -> None:
    breaker = opened(clock := Clock())
    clock.now = 5.0
    with pytest.raises(asyncio.CancelledError):
        call(breaker, asyncio.CancelledError())
    assert state_of(breaker) is State.HALF_OPEN
    call(breaker)  # the next probe is let through
    assert state_of(breaker) is State.CLOSED


def test_a_lookup_can_open_it_but_never_closes_it() -> None:
    breaker = CircuitBreaker(failures=2, pause=5.0, clock=(clock := Clock()))
    for _ in range(2):
        look_up(breaker)
        with pytest.raises(ConnectionError):
            look_up(breaker, ConnectionError())
    assert state_of(breaker) is State.OPEN
    with pytest.raises(Refused):
        look_up(breaker)
    clock.now = 5.0
    look_up(breaker)
    look_up(breaker)  # none of them is the probe
    assert state_of(breaker) is State.HALF_OPEN
    call(breaker)
    assert state_of(breaker) is State.CLOSED


# --- index and model behind it -------------------------------------------------------------------


class Failing:
    """Raises the errors it was given, one a call, then works."""

    def __init__(self, *errors: AskdError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def fail(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


class FailingIndex(MemoryIndex):
    def __init__(self, failing: Failing) -> None:
        super().__init__(FAQ)
        self._failing = failing

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int
    ) -> SearchResult:
        self._failing.fail()
        return await super().search(question, vector=vector, collection=collection, size=size)

    async def manifest(self) -> Manifest:
        self._failing.fail()
        return await super().manifest()


class FailingModel(ScriptedModel):
    failing: Failing
    after_first: bool = False

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        if self.after_first:
            yield Chunk("So")
        self.failing.fail()
        yield Chunk("yes", Usage(1, 1))


@pytest.mark.parametrize("error", [SearchUnavailable("lost", retryable=True), IndexMissing("none")])
async def test_a_search_is_sent_once(error: AskdError) -> None:
    """Retries are those of the search engine's own client."""
    failing = Failing(error)
    with pytest.raises(type(error)):
        await GuardedIndex(FailingIndex(failing)).manifest()
    assert failing.calls == 1


async def test_an_index_that_is_down_is_not_called() -> None:
    failing = Failing(*(SearchUnavailable("down") for _ in range(9)))
    index = GuardedIndex(FailingIndex(failing))
    for _ in range(5):
        with pytest.raises(SearchUnavailable, match="down"):
            await index.manifest()
    with pytest.raises(SearchUnavailable, match=r"^down; .* tries it again in") as refused:
        await index.manifest()
    assert (failing.calls, refused.value.retry_after) == (5, 5)


def model(*errors: AskdError, after_first: bool = False) -> tuple[GuardedModel, Failing]:
    llm = FailingModel()
    llm.failing, llm.after_first = Failing(*errors), after_first
    return GuardedModel(llm), llm.failing


async def reply(llm: GuardedModel) -> str:
    prompt = build_prompt("Can I?", {1: JOIN}, PromptStyle.CHAT, 64)
    async with aclosing(llm.generate(prompt)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


@pytest.mark.parametrize("after_first", [False, True])
async def test_a_generation_is_sent_once(after_first: bool) -> None:
    llm, failing = model(ModelUnavailable("lost", retryable=True), after_first=after_first)
    with pytest.raises(ModelUnavailable):
        await reply(llm)
    assert failing.calls == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [(ModelUnavailable, State.OPEN), (ModelTimeout, State.OPEN), (ModelMissing, State.CLOSED)],
)
async def test_only_a_runtime_that_does_not_answer_opens_it(
    error: Callable[[str], AskdError], state: State
) -> None:
    llm, _ = model(*(error("no") for _ in range(5)))
    for _ in range(5):
        await llm.profile()  # which it tells all the same
        with pytest.raises(AskdError):
            await reply(llm)
    assert llm.breaker.state is state
    assert (await llm.status()).present
    await llm.load()  # it is there after all
    assert llm.breaker.state is State.CLOSED


async def test_a_stream_that_its_reader_leaves_does_not_count_as_a_failure() -> None:
    llm, _ = model(after_first=True)
    for _ in range(4):
        llm.breaker.failed(ModelUnavailable("no"))
    chunks = llm.generate(build_prompt("Can I?", {1: JOIN}, PromptStyle.CHAT, 64))
    await anext(chunks)
    await chunks.aclose()
    assert llm.breaker.state is State.CLOSED
