import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from app.errors import AskdError, IndexMissing, ModelUnavailable, SearchUnavailable
from app.indexes.elasticsearch.client import open_client as open_elasticsearch
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.models.base import Message, Prompt, PromptStyle
from app.models.ollama.client import open_client as open_ollama
from app.models.ollama.model import OllamaModel
from app.models.ollama.runner import Runner
from app.traffic.circuit_breaker import CircuitBreaker, State
from tests.support.elasticsearch import INDEX, NOTHING, ScriptedServer, served
from tests.support.ollama_server import Reply, Then, done, lines, ollama_server, said

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


# --- in the remote backends ----------------------------------------------------------------------


@asynccontextmanager
async def index_on(
    server: ScriptedServer, breaker: CircuitBreaker | None = None
) -> AsyncIterator[ElasticsearchIndex]:
    async with served(server) as host, open_elasticsearch(f"http://{host}", None, 5.0) as client:
        yield ElasticsearchIndex(client, "askd", 5.0, breaker)


async def search(index: ElasticsearchIndex) -> None:
    await index.search("lantern", vector=None, collection=None, size=5)


async def test_an_index_that_is_down_is_not_called_until_the_pause_is_over() -> None:
    server = ScriptedServer(500)
    clock = Clock()
    async with index_on(server, CircuitBreaker(clock=clock)) as index:
        for call_index in (search, ElasticsearchIndex.manifest, search, search, search):
            with pytest.raises(SearchUnavailable, match="status 500"):
                await call_index(index)
        assert server.requests == 5
        for call_index in (search, ElasticsearchIndex.manifest):
            with pytest.raises(SearchUnavailable, match=r"^Elasticsearch .* tries it again in") as refused:
                await call_index(index)
            assert refused.value.retry_after == 5
        assert server.requests == 5

        server.status, server.bodies = 200, {**INDEX, "_msearch": NOTHING}
        clock.now += 5.0
        await search(index)
        assert state_of(index.breaker) is State.CLOSED


async def test_a_request_that_many_callers_share_fails_once() -> None:
    server = ScriptedServer(500)
    async with index_on(server) as index:
        outcomes = await asyncio.gather(*[index.manifest() for _ in range(5)], return_exceptions=True)
        assert all(isinstance(outcome, SearchUnavailable) for outcome in outcomes)
        assert server.requests == 1
        assert state_of(index.breaker) is State.CLOSED


async def test_a_missing_index_does_not_open_it() -> None:
    async with index_on(ScriptedServer(404)) as index:
        for _ in range(6):
            with pytest.raises(IndexMissing):
                await search(index)
        assert state_of(index.breaker) is State.CLOSED


PROMPT = Prompt(PromptStyle.CHAT, [Message("user", "Can I?")], 16)
RUNNER = Runner(num_ctx=512, num_batch=64, num_thread=2, seed=7, keep_alive="-1")


@asynccontextmanager
async def model_at(url: str, first_token_timeout: float = 5.0) -> AsyncIterator[OllamaModel]:
    async with open_ollama(url, connect_timeout=1.0) as client:
        yield OllamaModel(
            client, "tiny", RUNNER, first_token_timeout=first_token_timeout, generate_timeout=5.0
        )


async def reply(llm: OllamaModel) -> str:
    async with aclosing(llm.generate(PROMPT)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


@pytest.mark.parametrize("pieces", [[], [lines(said("So"))]], ids=["at once", "after a token"])
async def test_a_generation_is_sent_once(pieces: list[bytes]) -> None:
    async with ollama_server(chat=Reply(pieces, then=Then.TEAR)) as server, model_at(server.url) as llm:
        with pytest.raises(ModelUnavailable):
            await reply(llm)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (Reply(status=500), State.OPEN),
        (Reply(then=Then.HANG), State.OPEN),
        (Reply([b'{"error": "model \'tiny\' not found"}'], 404), State.CLOSED),
    ],
    ids=["fails", "hangs", "lacks the model"],
)
async def test_only_a_runtime_that_does_not_answer_opens_it(failure: Reply, state: State) -> None:
    tags, loaded = Reply([lines({"models": []})]), Reply([lines({"models": []})])
    async with (
        ollama_server(chat=failure, tags=tags, ps=loaded) as server,
        model_at(server.url, 0.5) as llm,
    ):
        for _ in range(5):
            with pytest.raises(AskdError):
                await reply(llm)
        assert state_of(llm.breaker) is state
        asked = len(server.requests)
        with pytest.raises(AskdError) as refused:
            await reply(llm)
        assert ("tries it again in" in str(refused.value)) == (state is State.OPEN)
        assert len(server.requests) == asked + (state is State.CLOSED)
        await llm.status()  # is not refused
        server.replies["/api/chat"] = Reply([lines(done())])
        await llm.load()
        assert state_of(llm.breaker) is State.CLOSED


async def test_the_first_token_closes_it_and_a_reader_who_leaves_does_not_count() -> None:
    stalling = Reply([lines(said("So"))], then=Then.HANG)
    async with ollama_server(chat=stalling) as server, model_at(server.url) as llm:
        for _ in range(4):
            llm.breaker.failed(ModelUnavailable("no"))
        async with aclosing(llm.generate(PROMPT)) as chunks:
            await anext(chunks)
            for _ in range(4):
                llm.breaker.failed(ModelUnavailable("no"))
            assert state_of(llm.breaker) is State.CLOSED  # four in a row, not eight
        assert state_of(llm.breaker) is State.CLOSED
        llm.breaker.failed(ModelUnavailable("no"))
        assert state_of(llm.breaker) is State.OPEN  # leaving was no success, either
