import asyncio

import pytest

from app.errors import DeadlineExceeded
from app.traffic.deadline import NEVER, Deadline

pytestmark = pytest.mark.anyio


async def test_what_is_not_done_by_then_is_broken_off() -> None:
    work = asyncio.get_running_loop().create_future()
    with pytest.raises(DeadlineExceeded, match=r"^the search took longer than the 0\.05 seconds"):
        async with Deadline.after(0.05).limit("the search"):
            await work
    assert work.cancelled()


async def test_it_is_the_same_for_all_that_is_done_one_after_the_other() -> None:
    deadline = Deadline.after(0.5)
    async with deadline.limit("the search"):
        await asyncio.sleep(0.1)
    with pytest.raises(DeadlineExceeded):
        async with deadline.limit("the answer"):
            await asyncio.sleep(0.45)  # half a second of its own would be enough
    assert deadline.left < 0
    with pytest.raises(DeadlineExceeded):
        async with deadline.limit("what is begun afterwards"):
            await asyncio.sleep(0.1)


async def test_who_is_cancelled_is_not_late() -> None:
    async def work() -> None:
        async with Deadline.after(60.0).limit("it"):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_never_is_never() -> None:
    async with NEVER.limit("it"):
        await asyncio.sleep(0)
    assert NEVER.left == float("inf")
