"""Three askd, one Valkey, two model servers with two slots each."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.live.replicas import REPLICAS, SERVERS, SLOTS, Replicas, question_of, replicas_of, until

pytestmark = [pytest.mark.anyio, pytest.mark.live]


async def test_replicas_share_slots_answers_and_rate_limits(tmp_path: Path) -> None:
    async with replicas_of(tmp_path) as askd:
        await until(lambda: askd.know_of(REPLICAS), 2)
        await slots_are_shared(askd)
        await an_answer_of_one_is_served_by_all(askd)
        await a_rate_limit_holds_over_all(askd)
        await a_killed_replica_frees_its_slots(askd)
        assert askd.seen.most <= SLOTS * SERVERS, "while Valkey was there"


async def slots_are_shared(askd: Replicas) -> None:
    askd.pace(0.4)
    began = time.perf_counter()
    numbers = await askd.load(36, interval=0.04)
    took = time.perf_counter() - began
    out_of_order = askd.out_of_order(numbers)
    print(  # noqa: T201
        f"36 answers in {took:.1f} s, at least {36 * 0.4 / 4:.1f}; {out_of_order:.1%} of pairs out of order"
    )
    assert out_of_order <= 0.1
    assert askd.seen.most == SLOTS * SERVERS
    assert [model.most for model in askd.models] == [SLOTS] * SERVERS


async def an_answer_of_one_is_served_by_all(askd: Replicas) -> None:
    first, *others = askd.replicas
    asked = question_of("shared")
    answer = (await askd.ask(first, asked, mode="auto")).json()
    assert not answer["cached"]
    for other in others:
        again = (await askd.ask(other, asked, mode="auto")).json()
        assert again["cached"]
        assert again["answer"] == answer["answer"]
    async with askd.valkey.client() as stored:
        async for key in stored.scan_iter():
            if (await stored.type(key)) == b"string":
                assert b"in case" not in await stored.get(key)
            assert 0 < await stored.ttl(key) <= 3600
            assert b"in case" not in key
            assert b"caller-" not in key


async def a_rate_limit_holds_over_all(askd: Replicas) -> None:
    key = askd.key()
    asked = [
        askd.ask(askd.replicas[at % REPLICAS], question_of("limited"), key, "extract") for at in range(33)
    ]
    responses = await asyncio.gather(*asked)
    assert Counter(each.status_code for each in responses) == {200: 30, 429: 3}
    (wait, *_) = {each.headers["Retry-After"] for each in responses if each.status_code == 429}
    assert 50 <= int(wait) <= 60


async def a_killed_replica_frees_its_slots(askd: Replicas) -> None:
    askd.pace(20.0)
    victim, *others = askd.replicas
    its_own = [asyncio.create_task(askd.ask(victim)) for _ in range(SLOTS * SERVERS)]

    async def all_busy() -> bool:
        return askd.seen.now == SLOTS * SERVERS

    await until(all_busy, 5)
    askd.pace(0.2)
    waiting = [asyncio.create_task(askd.ask(other)) for other in others for _ in range(3)]
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in waiting)
    victim.process.kill()
    began = time.perf_counter()
    responses = await asyncio.gather(*waiting)
    took = time.perf_counter() - began
    print(f"all slots of a killed replica were used again after {took - 2 * 0.2:.1f} s")  # noqa: T201
    assert [each.status_code for each in responses] == [200] * len(waiting)
    assert took < 5
    await asyncio.gather(*its_own, return_exceptions=True)
    askd.replicas = others
    await until(lambda: askd.know_of(REPLICAS - 1), 2)


async def test_without_valkey_nobody_is_refused_and_it_is_taken_back(tmp_path: Path) -> None:
    async with replicas_of(tmp_path) as askd:
        askd.pace(0.2)

        load = asyncio.create_task(askd.load(60, interval=0.06))
        await asyncio.sleep(0.8)
        assert askd.seen.most == SLOTS * SERVERS
        await askd.valkey.kill()
        await until(askd.alone, 4)
        await load  # all of them answered
        # Of each server one slot for each replica: two, divided by three.
        assert askd.seen.most <= REPLICAS * SERVERS
        degraded = (await askd.replicas[0].readiness())["degraded"]
        assert ["ASKD_SHARED_URL" in each for each in degraded] == [True]
        assert await askd.replicas[0].metric("askd_shared_state_lost") == 1

        load = asyncio.create_task(askd.load(60, interval=0.06))
        await asyncio.sleep(0.3)
        await askd.valkey.start()
        await until(askd.together, 5)
        await load
        await asyncio.sleep(1)  # until each has told what it uses
        askd.seen.most = 0
        await askd.load(24, interval=0.04)
        assert askd.seen.most == SLOTS * SERVERS

        # One that hangs, in the middle of it all, costs an answer about a tenth of a second.
        quick = [(await timed(askd, at)) for at in range(6)]
        askd.valkey.hang()
        slow = [(await timed(askd, at)) for at in range(6)]
        print(f"answers within {max(quick):.2f} s, with a Valkey that hangs within {max(slow):.2f} s")  # noqa: T201
        assert max(slow) < max(quick) + 0.25
        askd.valkey.go_on()
        await until(askd.together, 5)


async def timed(askd: Replicas, at: int) -> float:
    began = time.perf_counter()
    response = await askd.ask(askd.replicas[at % REPLICAS])
    assert response.status_code == 200, response.text
    return time.perf_counter() - began
