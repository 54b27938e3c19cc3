import asyncio
import gc
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.errors import DeadlineExceeded
from app.traffic.deadline import NEVER, Deadline
from app.traffic.single_flight import Flight, SingleFlight
from tests.support.clock import JUMPING

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


class Work:
    """Counts up; waits for `more` before each number but the first two."""

    def __init__(self, last: int = 4, error: Exception | None = None) -> None:
        self.more = asyncio.Event()
        self.begun = 0
        self.ended = False
        self._last = last
        self._error = error

    async def __call__(self, flight: Flight[int]) -> None:
        self.begun += 1
        try:
            for number in range(self._last + 1):
                if number >= 2:
                    await self.more.wait()
                flight.publish(number)
            if self._error:
                raise self._error
        finally:
            self.ended = True


async def all_of(flight: Flight[int], deadline: Deadline = NEVER) -> list[int]:
    async with flight.follow(deadline) as follower:
        return [item async for item in follower]


async def test_a_late_follower_misses_nothing() -> None:
    work = Work()
    flight = Flight(work)
    early = asyncio.ensure_future(all_of(flight))
    await asyncio.sleep(0.01)
    late = asyncio.ensure_future(all_of(flight))
    work.more.set()
    assert await early == await late == [0, 1, 2, 3, 4]
    assert work.begun == 1


async def test_what_has_arrived_can_be_read_at_once_up_to_the_next_item_of_another_kind() -> None:
    async def work(flight: Flight[int | str]) -> None:
        for item in (1, 2, 3, "four", 5):
            flight.publish(item)

    async with Flight(work).follow(NEVER) as follower:
        assert await anext(follower) == 1
        assert follower.ready(int) == [2, 3]
        assert follower.ready(int) == []
        assert [item async for item in follower] == ["four", 5]


async def test_only_the_last_follower_to_leave_stops_the_work() -> None:
    work = Work()
    flight = Flight(work)
    async with flight.follow(NEVER) as one:
        async with flight.follow(NEVER) as other:
            assert (await anext(one), await anext(other)) == (0, 0)
        assert not work.ended
    assert work.ended
    assert not flight.joinable


async def test_a_slow_follower_holds_up_nobody() -> None:
    work = Work()
    flight = Flight(work)
    async with flight.follow(NEVER) as slow:
        assert await anext(slow) == 0
        work.more.set()
        assert await all_of(flight) == [0, 1, 2, 3, 4]
        assert [number async for number in slow] == [1, 2, 3, 4]


async def test_a_follower_that_is_cancelled_while_it_waits_has_left() -> None:
    work = Work()
    flight = Flight(work)
    follower = asyncio.ensure_future(all_of(flight))
    while len(flight.items) < 2:
        await asyncio.sleep(0)
    follower.cancel()
    with pytest.raises(asyncio.CancelledError):
        await follower
    assert work.ended


async def test_an_error_without_followers_is_not_logged_by_asyncio() -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    work = Work(error=ValueError("broken"))
    flight = Flight(work)
    async with flight.follow(NEVER) as follower:
        await anext(follower)
        work.more.set()
        while not flight.ended:
            await asyncio.sleep(0)
    del flight, follower
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert complaints == []


async def test_an_error_reaches_all_followers() -> None:
    work = Work(error=ValueError("broken"))
    flight = Flight(work)
    work.more.set()
    followers = [asyncio.ensure_future(all_of(flight)) for _ in range(2)]
    for follower in followers:
        with pytest.raises(ValueError, match="broken"):
            await follower


async def test_a_follower_without_time_left_leaves_and_the_others_stay() -> None:
    work = Work()
    flight = Flight(work)
    patient = asyncio.ensure_future(all_of(flight))
    with pytest.raises(DeadlineExceeded, match=r"the answer took longer than the 5 seconds"):
        await all_of(flight, Deadline.after(5.0))
    assert not work.ended
    work.more.set()
    assert await patient == [0, 1, 2, 3, 4]


async def test_peeking_waits_for_the_next_item_only_so_long_and_takes_none() -> None:
    work = Work()
    flight = Flight(work)
    async with flight.follow(NEVER) as follower:
        assert (await anext(follower), await anext(follower)) == (0, 1)
        began = asyncio.get_running_loop().time()
        await follower.peek(2.0)
        assert asyncio.get_running_loop().time() - began == 2.0
        work.more.set()
        await follower.peek(2.0)
        assert asyncio.get_running_loop().time() - began == 2.0
        assert await anext(follower) == 2


async def test_peeking_tells_of_a_failure_and_of_the_deadline() -> None:
    async def fail(flight: Flight[int]) -> None:
        raise ValueError("broken")

    async with Flight(fail).follow(NEVER) as follower:
        with pytest.raises(ValueError, match="broken"):
            await follower.peek(2.0)
    async with Flight(Work(last=0, error=None)).follow(Deadline.after(1.0)) as follower:
        await follower.peek(2.0)  # the first item is there at once
    async with Flight(Work()).follow(Deadline.after(1.0)) as follower:
        assert (await anext(follower), await anext(follower)) == (0, 1)
        with pytest.raises(DeadlineExceeded):
            await follower.peek(2.0)


async def test_a_flight_has_the_time_of_its_most_patient_follower() -> None:
    flight = Flight(Work())
    async with AsyncExitStack() as patient:
        await patient.enter_async_context(flight.follow(Deadline.after(60.0)))
        async with flight.follow(Deadline.after(5.0)):
            assert flight.left == 60.0
            await patient.aclose()
            assert flight.left == 5.0
            async with flight.follow(NEVER):
                assert flight.left == float("inf")
            assert flight.left == 5.0


async def test_equal_work_is_shared_while_it_runs_and_begun_again_afterwards() -> None:
    work, flights = Work(), SingleFlight[int]()
    first, joined = flights.join("key", work)
    second, joined_too = flights.join("key", work)
    assert (first is second, joined, joined_too) == (True, False, True)
    other, _ = flights.join("other key", work)
    assert other is not first
    work.more.set()
    assert await all_of(first) == await all_of(second) == await all_of(other)
    again, joined = flights.join("key", work)
    assert (again is not first, joined) == (True, False)
    await all_of(again)
    await asyncio.sleep(0)
    assert len(flights) == 0


async def test_a_flight_that_all_have_left_is_not_joined() -> None:
    work, flights = Work(), SingleFlight[int]()
    flight, _ = flights.join("key", work)
    async with flight.follow(NEVER) as follower:
        await anext(follower)
    again, joined = flights.join("key", work)
    assert (again is not flight, joined) == (True, False)
    work.more.set()
    await all_of(again)
