import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.errors import DeadlineExceeded
from app.traffic.deadline import NEVER, Deadline
from tests.support.clock import JUMPING

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


async def test_work_that_is_not_done_by_then_is_cancelled() -> None:
    work = asyncio.get_running_loop().create_future()
    with pytest.raises(DeadlineExceeded, match=r"^the search took longer than the 0\.05 seconds"):
        async with Deadline.after(0.05).limit("the search"):
            await work
    assert work.cancelled()


async def test_it_is_one_deadline_for_all_stages() -> None:
    deadline = Deadline.after(0.5)
    async with deadline.limit("the search"):
        await asyncio.sleep(0.1)
    assert deadline.left == pytest.approx(0.4)
    with pytest.raises(DeadlineExceeded):
        async with deadline.limit("the answer"):
            await asyncio.sleep(0.45)  # half a second of its own would be enough
    assert deadline.left == pytest.approx(0.0)
    with pytest.raises(DeadlineExceeded):
        async with deadline.limit("what begins afterwards"):
            await asyncio.sleep(0.1)


async def test_a_cancellation_is_not_told_as_a_deadline() -> None:
    async def work() -> None:
        async with Deadline.after(60.0).limit("it"):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_of_the_work_itself_is_not_told_as_a_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with Deadline.after(60.0).limit("it"):
            raise TimeoutError


async def test_never_is_never() -> None:
    async with NEVER.limit("it"):
        await asyncio.sleep(1e6)
    assert NEVER.left == float("inf")
