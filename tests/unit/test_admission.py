import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from app.errors import Overloaded
from app.traffic.admission import Admission, Place, ServiceTime
from app.traffic.deadline import NEVER, Deadline
from tests.support.clock import JUMPING, loop_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


def admission_of(slots: int = 1, *seconds: float) -> Admission:
    """One that has seen generations that took so many seconds."""
    admission = Admission(slots, clock=loop_time)
    for each in seconds:
        admission.service.learn(each)
    return admission


async def waiting(place: Place) -> asyncio.Task[None]:
    task = asyncio.ensure_future(place.turn())
    await asyncio.sleep(0)
    return task


async def test_slots_go_to_the_first_to_arrive() -> None:
    admission = admission_of()
    first, second, third = (admission.enter(NEVER) for _ in range(3))
    await first.turn()
    turns = [await waiting(second), await waiting(third)]
    assert (admission.serving, admission.waiting) == (1, 2)
    with first:
        pass
    await turns[0]
    assert not turns[1].done()
    with second:
        pass
    await turns[1]


async def test_a_place_that_is_still_searching_does_not_hold_up_the_others() -> None:
    admission = admission_of()
    slow, quick = admission.enter(NEVER), admission.enter(NEVER)
    await quick.turn()
    assert quick.waited == 0
    turn = await waiting(slow)
    assert not turn.done()
    with quick:
        pass
    await turn


async def test_as_many_are_served_as_there_are_slots() -> None:
    admission = admission_of(2)
    places = [admission.enter(NEVER) for _ in range(3)]
    turns = [await waiting(place) for place in places]
    assert [turn.done() for turn in turns] == [True, True, False]
    turns[2].cancel()


async def test_a_request_that_would_wait_too_long_is_refused_at_once() -> None:
    admission = admission_of(1, 10.0)
    serving = admission.enter(NEVER)
    await serving.turn()
    admission.enter(NEVER)
    with pytest.raises(Overloaded, match="1 questions wait") as refused:
        admission.enter(Deadline.after(20.0))
    # 10 for the one being served, 10 for the one waiting, 10 for its own, and 12.2 for what is not known yet
    assert refused.value.retry_after == 23
    admission.enter(Deadline.after(50.0))


async def test_with_a_free_slot_nobody_is_refused_whatever_the_last_generations_took() -> None:
    admission = admission_of(1, 1000.0)
    with admission.enter(Deadline.after(30.0)) as place:
        await place.turn()
        with pytest.raises(Overloaded):
            admission.enter(Deadline.after(30.0))
    assert admission.enter(Deadline.after(30.0))


async def test_the_queue_is_bounded_before_the_first_generation_has_ended() -> None:
    """While the model loads nobody knows how long a generation takes, and no wait can be predicted."""
    admission = admission_of(2)
    first = admission.enter(NEVER)
    await first.turn()
    for _ in range(2 * 32):
        admission.enter(Deadline.after(120.0))
    with pytest.raises(Overloaded, match="has not finished its first answer") as refused:
        admission.enter(Deadline.after(120.0))
    assert refused.value.retry_after == 10
    await asyncio.sleep(0.1)
    with first:
        first.complete()
    admission.enter(Deadline.after(120.0))  # now the wait can be predicted


async def test_the_wait_is_predicted_from_the_work_of_all_slots() -> None:
    admission = admission_of(2, 10.0)
    for expected in (0.0, 0.0, 10.0, 10.0, 20.0):
        assert admission.predicted_wait == expected
        await waiting(admission.enter(NEVER))
    assert (admission.serving, admission.waiting) == (2, 3)


async def test_a_generation_over_its_time_is_expected_to_take_as_long_again() -> None:
    """Or a generation that hangs would always be about to end."""
    admission = admission_of(1, 5.0)
    hanging = admission.enter(NEVER)
    await hanging.turn()
    await asyncio.sleep(35)
    assert admission.predicted_wait == 30
    unmeasured = admission_of()
    await unmeasured.enter(NEVER).turn()
    await asyncio.sleep(20)
    with pytest.raises(Overloaded):
        unmeasured.enter(Deadline.after(15))


async def test_a_generation_that_hangs_does_not_hold_up_the_other_slots() -> None:
    admission = admission_of(2, 5.0)
    hanging = admission.enter(NEVER)
    await hanging.turn()
    await asyncio.sleep(30)
    with admission.enter(NEVER) as quick:
        await quick.turn()
        assert admission.predicted_wait == 5
        admission.enter(Deadline.after(100))


async def test_it_is_known_how_many_were_ahead() -> None:
    admission = admission_of(2)
    places = [admission.enter(NEVER) for _ in range(4)]
    for place in places:
        await waiting(place)
    assert [place.ahead for place in places] == [0, 0, 1, 2]


async def test_a_place_is_refused_when_too_little_time_is_left_to_begin() -> None:
    admission = admission_of(1, 2.0)
    serving = admission.enter(NEVER)
    await serving.turn()
    late = admission.enter(Deadline.after(8.0))
    with pytest.raises(Overloaded), late:
        await late.turn()
    assert late.waited == 6.0
    assert admission.waiting == 0


@dataclass
class MovingDeadline:
    """As that of a flight whose followers come and go."""

    at: float

    @property
    def left(self) -> float:
        return self.at - loop_time()


async def test_a_place_keeps_its_turn_when_its_deadline_moves_on() -> None:
    admission = admission_of(1, 2.0)
    first = admission.enter(NEVER)
    await first.turn()
    deadline = MovingDeadline(at=8.0)
    shared = admission.enter(deadline)
    turn = await waiting(shared)
    await asyncio.sleep(5.0)
    deadline.at = 60.0
    await asyncio.sleep(20.0)
    assert not turn.done()
    with first:
        pass
    await turn
    assert shared.waited == 25.0


async def test_a_caller_who_would_share_a_place_is_refused_where_it_comes_too_late_for_it() -> None:
    admission = admission_of(1, *[10.0] * 8)
    first, second = admission.enter(NEVER), admission.enter(NEVER)
    await first.turn()
    await waiting(second)
    second.check(Deadline.after(21.0))
    with pytest.raises(Overloaded):
        second.check(Deadline.after(19.0))
    first.check(Deadline.after(1.0))  # it has its slot: how far it is cannot be known


async def test_those_who_wait_in_vain_are_told_as_soon_as_that_is_known() -> None:
    admission = admission_of()  # knows nothing yet, so it lets everybody wait
    first = admission.enter(NEVER)
    await first.turn()
    patient, hasty = admission.enter(NEVER), admission.enter(Deadline.after(10))
    turns = [await waiting(patient), await waiting(hasty)]
    await asyncio.sleep(8)
    with first:
        first.complete()
    await turns[0]
    with pytest.raises(Overloaded):
        await turns[1]
    assert hasty.waited == 8


async def test_those_who_are_refused_keep_nobody_behind_them_waiting() -> None:
    admission = admission_of()
    first = admission.enter(NEVER)
    await first.turn()
    hasty = [admission.enter(Deadline.after(10)) for _ in range(20)]
    patient = admission.enter(Deadline.after(100))  # enough for its own turn, not for twenty before it
    turns = [await waiting(place) for place in [*hasty, patient]]
    await asyncio.sleep(15)
    with first:
        first.complete()
    await turns.pop()
    assert patient.waited == 15
    assert [type(error) for error in await asyncio.gather(*turns, return_exceptions=True)] == [
        Overloaded
    ] * 20


async def test_a_place_that_is_left_while_waiting_takes_nothing_along() -> None:
    admission = admission_of()
    first, second, third = (admission.enter(NEVER) for _ in range(3))
    await first.turn()
    leaving, staying = await waiting(second), await waiting(third)
    leaving.cancel()
    with second:
        await asyncio.wait([leaving])
    with first:
        pass
    await staying
    assert (admission.serving, admission.waiting) == (1, 0)


async def test_a_place_that_is_cancelled_just_when_the_slot_comes_gives_it_back() -> None:
    admission = admission_of()
    first, second = admission.enter(NEVER), admission.enter(NEVER)
    await first.turn()
    turn = await waiting(second)
    with second:
        with first:
            pass  # hands the slot to the second, which has not run yet
        turn.cancel()
        await asyncio.wait([turn])
    assert (admission.serving, admission.waiting) == (0, 0)


async def test_leaving_twice_does_no_harm() -> None:
    admission = admission_of()
    place = admission.enter(NEVER)
    with place, place:
        await place.turn()
    assert (admission.serving, admission.waiting) == (0, 0)


async def test_only_a_generation_that_ended_or_took_long_counts_for_the_estimate() -> None:
    admission = admission_of(1, 5.0)
    with admission.enter(NEVER) as quickly_left:
        await quickly_left.turn()
    assert admission.service.mean == 5.0
    with admission.enter(NEVER) as slow:
        await slow.turn()
        await asyncio.sleep(10)
    assert admission.service.mean == 7.5


def test_the_estimate_is_that_of_the_last_generations() -> None:
    service = ServiceTime()
    assert (service.mean, service.spread(10)) == (0.0, 0.0)
    service.learn(2.0)
    assert service.spread(1) > 1.0  # one tells little
    for _ in range(7):
        service.learn(2.0)
    assert (service.mean, service.spread(100)) == (2.0, 0.0)
    service.learn(600.0)
    assert service.mean == 2.0  # one that hung does not close the queue for all who come after it
    for _ in range(16):
        service.learn(10.0)
    assert service.mean == 10.0
    service.learn(12.0)
    service.learn(12.0)
    assert 0 < service.spread(1) < service.spread(4) < 4 * service.spread(1)


async def test_those_who_are_let_in_are_answered_in_time_however_many_come() -> None:
    """Two hundred at once, and a slot that answers a hundred and twenty in the time they have."""
    admission = admission_of(1, 0.249, 0.251, 0.25, 0.25, 0.25, 0.249, 0.251, 0.25)
    deadline = Deadline.after(30.0)
    let_in = []
    for _ in range(200):
        with contextlib.suppress(Overloaded):
            let_in.append(admission.enter(deadline))
    assert 114 <= len(let_in) < 120
