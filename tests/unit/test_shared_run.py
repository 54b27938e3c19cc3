import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from app.errors import DeadlineExceeded
from app.traffic.deadline import NEVER, Deadline
from app.traffic.single_flight import SharedRun, SharedRuns

pytestmark = pytest.mark.anyio


class Source:
    """Counts up; waits for `more` before each number but the first two."""

    def __init__(self, last: int = 4, error: Exception | None = None) -> None:
        self.more = asyncio.Event()
        self.begun = 0
        self.closed = False
        self._last = last
        self._error = error

    async def __call__(self) -> AsyncGenerator[int]:
        self.begun += 1
        try:
            for number in range(self._last + 1):
                if number >= 2:
                    await self.more.wait()
                yield number
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def all_of(run: SharedRun[int], deadline: Deadline = NEVER) -> list[int]:
    async with aclosing(run.follow(deadline, "it")) as items:
        return [item async for item in items]


async def test_a_follower_that_comes_late_misses_nothing() -> None:
    source = Source()
    run = SharedRun(source())
    early = asyncio.ensure_future(all_of(run))
    await asyncio.sleep(0.01)
    late = asyncio.ensure_future(all_of(run))
    source.more.set()
    assert await early == await late == [0, 1, 2, 3, 4]
    assert source.begun == 1


async def test_only_the_last_who_leaves_stops_the_work() -> None:
    source = Source()
    run = SharedRun(source())
    one, other = run.follow(NEVER, "it"), run.follow(NEVER, "it")
    assert (await anext(one), await anext(other)) == (0, 0)
    await one.aclose()
    assert not source.closed
    await other.aclose()
    assert source.closed
    assert run.over


async def test_a_slow_follower_holds_nobody_up() -> None:
    source = Source()
    run = SharedRun(source())
    slow = run.follow(NEVER, "it")
    assert await anext(slow) == 0
    source.more.set()
    assert await all_of(run) == [0, 1, 2, 3, 4]
    assert [number async for number in slow] == [1, 2, 3, 4]


async def test_one_who_is_cancelled_while_it_waits_has_left() -> None:
    source = Source()
    run = SharedRun(source())
    follower = asyncio.ensure_future(all_of(run))
    while len(run._kept) < 2:
        await asyncio.sleep(0)
    follower.cancel()
    with pytest.raises(asyncio.CancelledError):
        await follower
    assert source.closed


async def test_of_an_error_that_nobody_is_left_to_be_told_nobody_hears() -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    source = Source(error=ValueError("broken"))
    run = SharedRun(source())
    follower = run.follow(NEVER, "it")
    await anext(follower)
    source.more.set()
    while not run.over:
        await asyncio.sleep(0)
    await follower.aclose()
    del run, follower
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert complaints == []


async def test_an_error_reaches_all_who_follow() -> None:
    source = Source(error=ValueError("broken"))
    run = SharedRun(source())
    source.more.set()
    followers = [asyncio.ensure_future(all_of(run)) for _ in range(2)]
    for follower in followers:
        with pytest.raises(ValueError, match="broken"):
            await follower


async def test_who_has_no_time_left_leaves_and_the_others_stay() -> None:
    source = Source()
    run = SharedRun(source())
    patient = asyncio.ensure_future(all_of(run))
    with pytest.raises(DeadlineExceeded, match=r"it took longer than the 0\.05 seconds"):
        await all_of(run, Deadline.after(0.05))
    assert not source.closed
    source.more.set()
    assert await patient == [0, 1, 2, 3, 4]


async def test_equal_work_is_shared_while_it_runs_and_begun_anew_afterwards() -> None:
    source, runs = Source(), SharedRuns[int]()
    first, own = runs.join("key", source)
    second, joined = runs.join("key", source)
    assert (first is second, own, joined) == (True, True, False)
    other, _ = runs.join("other key", source)
    assert other is not first
    source.more.set()
    assert await all_of(first) == await all_of(second) == await all_of(other)
    again, own = runs.join("key", source)
    assert (again is not first, own) == (True, True)
    await all_of(again)


async def test_work_that_everybody_left_is_not_joined() -> None:
    source, runs = Source(), SharedRuns[int]()
    run, _ = runs.join("key", source)
    follower = run.follow(NEVER, "it")
    await anext(follower)
    await follower.aclose()
    again, own = runs.join("key", source)
    assert (again is not run, own) == (True, True)
    source.more.set()
    await all_of(again)
