"""What one process keeps for itself, and what replicas share in Valkey: the same promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import cast

import limits
import pytest

from app.domain import (
    Answer,
    FaqEntry,
    Hit,
    Notice,
    Origin,
    Part,
    Question,
    Sentence,
    Source,
    Status,
    Support,
    Timings,
    Turn,
    Usage,
)
from app.errors import Overloaded
from app.shared.answers import SharedAnswers
from app.shared.base import Need, Unavailable
from app.shared.keys import Keys
from app.shared.rate_limit import SharedRateLimiter
from app.shared.slots import SharedSlots
from app.shared.valkey import Valkey
from app.traffic.admission import Admission, Place
from app.traffic.answer_cache import AnswerCache, AnswerKey, Answers
from app.traffic.deadline import NEVER, Deadline
from app.traffic.rate_limit import LocalRateLimiter, RateLimiter
from tests.support.valkey import ValkeyServer, valkey_server

pytestmark = pytest.mark.anyio

ENTRY = FaqEntry("1", "shop", "Can I return it?", "Yes, within 30 days.", url="https://example.org")
ANSWER = Answer(
    Status.ANSWERED,
    "Yes, within 30 days. [1]",
    Origin.GENERATED,
    [Source(Hit(ENTRY, 0.9, 0.8, None), in_prompt=True, cited=True)],
    "gemma:2b",
    Usage(100, 10, 90),
    [Notice("answer_cut", "the limit")],
    Timings(1.0, 0.0, 20.0, 30.0),
    confidence=0.97,
    sentences=[Sentence("Yes, within 30 days.", 1, Support.QUOTED)],
    parts=[],
    index_version="v1",
)
KEY = AnswerKey.of(Question("Can I return it?", history=[Turn("user", "Hello")]), "v1", "gemma@1", 1)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ValkeyServer]:
    async with valkey_server("a password") as started:
        yield started


@asynccontextmanager
async def connected(server: ValkeyServer) -> AsyncIterator[Valkey]:
    valkey = Valkey(server.url.replace("redis:", "valkey:"), server.password)
    try:
        yield valkey
    finally:
        await valkey.close()


@dataclass
class Process:
    """One askd, as far as its callers meet each other there."""

    admission: Admission
    answers: Answers
    limiter: RateLimiter


Start = Callable[..., Awaitable[Process]]


@pytest.fixture(params=["by itself", "in Valkey"])
async def start(request: pytest.FixtureRequest, server: ValkeyServer) -> AsyncIterator[Start]:
    async with AsyncExitStack() as opened:

        async def started(slots: int = 1) -> Process:
            admission, cache = Admission(slots), AnswerCache(100, 1_000_000, 60.0)
            if request.param == "by itself":
                return Process(admission, cache, LocalRateLimiter())
            valkey = await opened.enter_async_context(connected(server))
            keys = Keys("askd", server.password)
            shared = SharedSlots(valkey, slots, admission, {"ollama:11434": None}, lambda: ["ollama:11434"])
            await opened.enter_async_context(shared.running())
            answers = SharedAnswers(cache, valkey, keys, "")
            return Process(admission, answers, SharedRateLimiter(valkey, keys, lambda: shared.replicas))

        yield started
    async with server.client() as client:
        await client.flushdb()


# --- slots -----------------------------------------------------------------------------------------


async def turn(place: Place) -> asyncio.Task[None]:
    """One that waits for its slot, or has it by now."""
    task = asyncio.create_task(place.turn())
    await asyncio.sleep(0.1)
    return task


async def test_slots_go_to_the_first_to_arrive(start: Start) -> None:
    admission = (await start(2)).admission
    places = [admission.enter(NEVER) for _ in range(4)]
    turns = [await turn(place) for place in places]
    assert [task.done() for task in turns] == [True, True, False, False]
    assert (admission.serving, admission.waiting) == (2, 2)
    with places[1]:
        pass
    await asyncio.sleep(0.1)
    assert [task.done() for task in turns] == [True, True, True, False]
    for place in (places[0], places[2], places[3]):
        with place:
            pass


async def test_one_that_is_still_searching_does_not_hold_up_the_others(start: Start) -> None:
    admission = (await start()).admission
    slow, quick = admission.enter(NEVER), admission.enter(NEVER)
    await asyncio.wait_for(quick.turn(), 2)
    later = await turn(slow)
    assert not later.done()
    with quick:
        pass
    await asyncio.wait_for(later, 2)


async def test_one_that_gives_up_takes_no_slot_with_it(start: Start) -> None:
    admission = (await start()).admission
    first, second, third = (admission.enter(NEVER) for _ in range(3))
    await first.turn()
    with second:
        waiting = await turn(second)
        waiting.cancel()
        last = await turn(third)
        with first:
            pass
    await asyncio.wait_for(last, 2)
    assert (admission.serving, admission.waiting) == (1, 0)


async def test_one_that_would_be_late_is_refused_at_once(start: Start) -> None:
    admission = (await start()).admission
    admission.service.learn(10.0)
    await admission.enter(NEVER).turn()
    with pytest.raises(Overloaded):
        admission.enter(Deadline.after(5.0))
    assert 9 < admission.predicted_wait <= 10


# --- answers ---------------------------------------------------------------------------------------


async def test_an_answer_is_found_as_it_was_put(start: Start) -> None:
    answers = (await start()).answers
    await answers.put(KEY, ANSWER)
    assert await answers.get(KEY) == ANSWER
    assert await answers.get(KEY.at("v2")) is None
    assert await answers.get(KEY._replace(history=())) is None
    assert await answers.get(KEY._replace(model="gemma@2")) is None


async def test_a_degraded_answer_is_not_kept(start: Start) -> None:
    answers = (await start()).answers
    await answers.put(KEY, replace(ANSWER, notices=[Notice("model_unavailable", "down", passing=True)]))
    assert await answers.get(KEY) is None


# --- rate limits -----------------------------------------------------------------------------------


async def test_each_caller_has_a_limit_of_its_own(start: Start) -> None:
    limiter, limit = (await start()).limiter, limits.parse("3/minute")
    assert [await limiter.hit(limit, "a") for _ in range(3)] == [None] * 3
    wait = await limiter.hit(limit, "a")
    assert wait is not None
    assert 50 < wait <= 60
    assert await limiter.hit(limit, "b") is None


async def test_there_is_room_again_after_the_period(start: Start) -> None:
    limiter, limit = (await start()).limiter, limits.parse("1/second")
    assert await limiter.hit(limit, "a") is None
    wait = await limiter.hit(limit, "a")
    assert wait is not None
    await asyncio.sleep(max(wait, 0) + 0.1)
    assert await limiter.hit(limit, "a") is None


# --- what is shared --------------------------------------------------------------------------------


@pytest.fixture
async def pair(server: ValkeyServer) -> AsyncIterator[tuple[Process, Process, Valkey]]:
    """Two askd, and a look at what they share."""
    async with AsyncExitStack() as opened:
        keys, processes = Keys("askd", server.password), []
        for _ in range(2):
            valkey = await opened.enter_async_context(connected(server))
            admission, cache = Admission(2), AnswerCache(100, 1_000_000, 60.0)
            shared = SharedSlots(valkey, 2, admission, {"ollama:11434": None}, lambda: ["ollama:11434"])
            await opened.enter_async_context(shared.running())
            answers = SharedAnswers(cache, valkey, keys, "")
            limiter = SharedRateLimiter(valkey, keys, lambda: 2)
            processes.append(Process(admission, answers, limiter))
        yield processes[0], processes[1], valkey
    async with server.client() as client:
        await client.flushdb()


async def test_those_who_wait_elsewhere_count_in_the_prediction(
    pair: tuple[Process, Process, Valkey],
) -> None:
    here, there, _ = pair
    places = [there.admission.enter(NEVER) for _ in range(4)]
    for place in places:
        await turn(place)
    here.admission.service.learn(10.0)
    await asyncio.sleep(0.6)
    # Two are served and two wait, all elsewhere; how long they have been served is not known here.
    assert here.admission.predicted_wait == pytest.approx(15.0)
    assert here.admission.enter(NEVER).ahead == 3
    with pytest.raises(Overloaded):
        here.admission.enter(Deadline.after(12.0))


async def test_the_words_of_a_caller_are_shared_with_nobody(pair: tuple[Process, Process, Valkey]) -> None:
    here, there, _ = pair
    for words in (
        {"asked": "Can I return my red shoes?"},
        {"parts": [Part("Can I return my red shoes?", Status.ANSWERED, [1])]},
        {"sentences": [Sentence("Red shoes, too.", None, Support.UNMATCHED)]},
    ):
        await here.answers.put(KEY, replace(ANSWER, **words))
        assert await here.answers.get(KEY) is not None
        assert await there.answers.get(KEY) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"status": "answered"}', b"[" * 10_000])
async def test_what_is_no_answer_is_ignored_and_counted(
    pair: tuple[Process, Process, Valkey], server: ValkeyServer, data: bytes
) -> None:
    here, there, _ = pair
    await here.answers.put(KEY, ANSWER)
    assert await there.answers.get(KEY) == ANSWER
    async with server.client() as client:
        (key,) = [key async for key in client.scan_iter("askd:answer:*")]
        assert 0 < await client.ttl(key) <= 60
        await client.set(key, data, ex=60)
    assert isinstance(there.answers, SharedAnswers)
    assert await there.answers.get(KEY) is None
    assert there.answers.unreadable == 1


async def test_an_answer_with_half_a_character_is_not_shared(pair: tuple[Process, Process, Valkey]) -> None:
    here, there, _ = pair
    await here.answers.put(KEY, replace(ANSWER, text="\ud83d"))
    assert await there.answers.get(KEY) is None


async def test_a_ledger_that_was_emptied_says_so(server: ValkeyServer) -> None:
    async with connected(server) as valkey, server.client() as client:
        assert [(await valkey.tell("one", Need(slots=2))).known for _ in range(2)] == [False, True]
        await client.flushall()
        assert not (await valkey.tell("one", Need(slots=2))).known


@pytest.mark.parametrize("field", ["5", "null", "{", '{"seen": 99999999999}', '{"seen": null}'])
async def test_messages_that_are_none_are_ignored(server: ValkeyServer, field: str) -> None:
    async with connected(server) as valkey, server.client() as client:
        await valkey.tell("one", Need(slots=2))
        (ledger,) = [key async for key in client.scan_iter("askd:slots:*")]
        await cast(Awaitable[int], client.hset(ledger, "two", field))
        assert (await valkey.tell("one", Need(slots=2))).replicas == 1


@pytest.mark.parametrize("reply", [b"$abc\r\n", b"*x\r\n", b":x\r\n", b"*1\r\n$-1\r\n", b"+OK\r\n"])
async def test_a_server_that_speaks_otherwise_is_unavailable(reply: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            writer.write(reply)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as odd:
        valkey = Valkey(f"valkey://127.0.0.1:{odd.sockets[0].getsockname()[1]}", None)
        try:
            with pytest.raises(Unavailable):
                await valkey.tell("one", Need(slots=2))
        finally:
            await valkey.close()


async def test_without_the_password_no_name_can_be_made() -> None:
    names = {Keys("askd", password).of("answer", "x") for password in ("one", "two", None)}
    assert len(names) == 3
    assert Keys("other", "one").of("answer", "x") not in names


async def test_a_request_that_is_cancelled_ends_whatever_it_waits_for(server: ValkeyServer) -> None:
    async with connected(server) as valkey:
        for steps in [*range(12)] * 50:
            task = asyncio.create_task(valkey.read("nothing"))
            for _ in range(steps):
                await asyncio.sleep(0)
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await task
        assert await valkey.read("nothing") is None
