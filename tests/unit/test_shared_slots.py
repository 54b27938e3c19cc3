"""The slots of several servers, and a replica that is alone, over a ledger that the test fills."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import limits
import pytest

from app.shared.base import Given, Need, Unavailable
from app.shared.keys import Keys
from app.shared.rate_limit import SharedRateLimiter
from app.shared.slots import SharedSlots
from app.traffic.admission import Admission
from app.traffic.deadline import NEVER
from tests.support.clock import JUMPING, loop_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


class Ledger:
    """Gives what the test says; `lost` while nobody answers."""

    def __init__(self) -> None:
        self.given = Given(replicas=3)
        self.lost = False
        self.needs: list[Need] = []

    async def tell(self, replica: str, need: Need) -> Given:
        if self.lost:
            raise Unavailable("gone")
        self.needs.append(need)
        given, self.given = self.given, self.given.model_copy(update={"anywhere": {}, "at_once": {}})
        return given

    async def leave(self, replica: str) -> None:
        if self.lost:
            raise Unavailable("gone")


class Pool:
    """Two servers with so many slots each, and what is shared of them."""

    def __init__(self, ledger: Ledger, slots: int) -> None:
        self.admission = Admission(2 * slots, clock=loop_time)
        self.members = {name: Admission(slots, clock=loop_time) for name in "ab"}
        self.shared = SharedSlots(ledger, slots, self.admission, self.members, lambda: list(self.members))


@asynccontextmanager
async def pool(ledger: Ledger, slots: int = 6) -> AsyncIterator[Pool]:
    opened = Pool(ledger, slots)
    async with opened.shared.running():
        yield opened


async def test_nobody_begins_before_a_slot_is_given() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        turn = asyncio.create_task(here.admission.enter(NEVER).turn())
        await asyncio.sleep(1)
        assert not turn.done()
        assert len(ledger.needs[-1].waits) == 1
        ledger.given = Given(anywhere={"b": 1}, elsewhere={"a": 6}, replicas=2)
        await asyncio.wait_for(turn, 0.1)
        assert (here.members["a"].vacant, here.members["b"].vacant) == (False, True)
        await asyncio.sleep(1)
        # Between two generations, and before the first, the slot stays the request's.
        assert ledger.needs[-1].using == {"a": 0, "b": 1}


async def test_a_slot_that_is_used_no_more_is_given_back() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        ledger.given = Given(anywhere={"b": 1})
        place = here.admission.enter(NEVER)
        with place:
            await place.turn()
            with here.members["b"].enter(NEVER) as at_server:
                await at_server.turn()
                await asyncio.sleep(1)
                assert ledger.needs[-1].using == {"a": 0, "b": 1}
        await asyncio.sleep(0.01)
        assert ledger.needs[-1].using == {"a": 0, "b": 0}
        assert not here.members["b"].vacant


async def test_a_request_that_goes_on_at_another_server_gives_back_the_first() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        ledger.given = Given(anywhere={"b": 1})
        await here.admission.enter(NEVER).turn()
        moved = asyncio.create_task(here.members["a"].enter(NEVER).turn())
        await asyncio.sleep(0.1)
        assert (ledger.needs[-1].using, ledger.needs[-1].at_once) == ({"a": 0, "b": 0}, {"a": 1})
        ledger.given = Given(at_once={"a": 1})
        await asyncio.wait_for(moved, 0.1)
        assert here.admission.granted == 0


async def test_alone_it_has_its_share_of_each_server_and_at_least_one() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        ledger.lost = True
        await asyncio.sleep(0.6)
        assert here.shared.alone
        assert (here.admission.allotted, here.members["a"].allotted) == (4, 2)
        assert here.admission.predicted_wait == 0
    ledger.lost = False
    async with pool(ledger, slots=2) as here:
        ledger.lost = True
        await asyncio.sleep(0.6)
        assert (here.admission.allotted, here.members["a"].allotted) == (2, 1)


async def test_those_who_wait_when_it_is_lost_have_their_slots_at_once() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        turns = [asyncio.create_task(here.admission.enter(NEVER).turn()) for _ in range(5)]
        await asyncio.sleep(1)
        ledger.lost = True
        await asyncio.sleep(0.05)
        assert [turn.done() for turn in turns] == [True] * 4 + [False]
        turns[-1].cancel()


async def test_when_it_is_back_the_share_holds_until_all_have_told_what_they_use() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        ledger.lost = True
        await asyncio.sleep(0.6)
        place = here.admission.enter(NEVER)
        await place.turn()
        with here.members["a"].enter(NEVER) as at_server:
            await at_server.turn()
            ledger.lost = False
            await asyncio.sleep(0.7)
            assert (here.shared.alone, here.admission.allotted) == (False, 4)
            assert (ledger.needs[-1].using, ledger.needs[-1].waits) == ({"a": 1, "b": 0}, ())
            await asyncio.sleep(1.5)
            assert not here.admission.vacant  # it needs what is given now
            assert ledger.needs[-1].using == {"a": 1, "b": 0}


async def test_a_model_in_this_process_is_shared_with_nobody() -> None:
    ledger, admission = Ledger(), Admission(1, clock=loop_time)
    shared = SharedSlots(ledger, 1, admission, {}, list)
    async with shared.running():
        await asyncio.sleep(1)
        await asyncio.wait_for(admission.enter(NEVER).turn(), 0.1)
        assert ledger.needs[-1].using == {}
        ledger.lost = True
        await asyncio.sleep(1)
        assert (shared.alone, admission.allotted) == (True, 1)


async def test_a_single_failure_changes_nothing() -> None:
    class Stumbling(Ledger):
        async def tell(self, replica: str, need: Need) -> Given:
            self.lost = not self.lost
            if self.lost and self.needs:
                raise Unavailable("too busy just now")
            self.needs.append(need)
            return self.given

    async with pool(Stumbling()) as here:
        await asyncio.sleep(3)
        assert not here.shared.alone


async def test_an_error_that_nobody_expected_is_a_loss_and_not_the_end() -> None:
    class Odd(Ledger):
        async def tell(self, replica: str, need: Need) -> Given:
            if self.lost:
                raise KeyError("odd")
            return await super().tell(replica, need)

    ledger = Odd()
    async with pool(ledger) as here:
        ledger.lost = True
        await asyncio.sleep(0.6)
        assert here.shared.alone
        ledger.lost = False
        await asyncio.sleep(0.6)
        assert not here.shared.alone


async def test_a_ledger_that_was_emptied_gives_nothing_until_all_have_told_what_they_use() -> None:
    ledger = Ledger()
    async with pool(ledger) as here:
        ledger.given = Given(replicas=3)
        await asyncio.sleep(0.6)
        ledger.given = Given(anywhere={"a": 6, "b": 6}, replicas=1, known=False)
        turns = [asyncio.create_task(here.admission.enter(NEVER).turn()) for _ in range(6)]
        await asyncio.sleep(0.05)
        assert [turn.done() for turn in turns] == [True] * 4 + [False] * 2  # a third of 6, of each
        for turn in turns:
            turn.cancel()


async def test_alone_it_counts_up_to_its_share_of_a_rate_limit() -> None:

    class Gone:
        async def hit(self, limit: limits.RateLimitItem, key: str) -> bool:
            raise Unavailable("gone")

        async def free_at(self, limit: limits.RateLimitItem, key: str) -> float:
            raise Unavailable("gone")

    limiter = SharedRateLimiter(Gone(), Keys("askd", None), lambda: 3)
    limit = limits.parse("10/minute")
    assert [await limiter.hit(limit, "caller") is None for _ in range(4)] == [True, True, True, False]
