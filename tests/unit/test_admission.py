import asyncio
import contextlib
import time

import pytest

from app.errors import Overloaded
from app.traffic.admission import Admission, Place, ServiceTime
from app.traffic.deadline import NEVER, Deadline
from tests.lag import watched_lag

pytestmark = pytest.mark.anyio


def taught(seconds: float, slots: int = 1) -> Admission:
    """One that knows how long a generation takes."""
    admission = Admission(slots)
    admission.service.learn(seconds)
    return admission


async def waiting(place: Place) -> asyncio.Task[None]:
    task = asyncio.ensure_future(place.turn())
    await asyncio.sleep(0)
    return task


async def test_slots_go_to_who_came_first() -> None:
    admission = Admission()
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


async def test_who_still_searches_does_not_hold_up_the_others() -> None:
    admission = Admission()
    slow, quick = admission.enter(NEVER), admission.enter(NEVER)
    await quick.turn()
    assert quick.waited < 1
    turn = await waiting(slow)
    assert not turn.done()
    with quick:
        pass
    await turn


async def test_as_many_are_served_as_there_are_slots() -> None:
    admission = Admission(slots=2)
    places = [admission.enter(NEVER) for _ in range(3)]
    turns = [await waiting(place) for place in places]
    assert [turn.done() for turn in turns] == [True, True, False]
    turns[2].cancel()


async def test_who_would_wait_too_long_is_refused_at_once() -> None:
    admission = taught(10.0)
    serving = admission.enter(NEVER)
    await serving.turn()
    admission.enter(NEVER)
    with pytest.raises(Overloaded, match="1 questions wait") as refused:
        admission.enter(Deadline.after(20.0))
    # 10 of the one being served, of the one waiting and of its own, and 12.2 for what is not known yet
    assert refused.value.retry_after == 23
    admission.enter(Deadline.after(50.0))


async def test_a_free_slot_refuses_nobody_whatever_the_last_generations_took() -> None:
    admission = taught(1000.0)
    with admission.enter(Deadline.after(30.0)) as place:
        await place.turn()
        with pytest.raises(Overloaded):
            admission.enter(Deadline.after(30.0))
    assert admission.enter(Deadline.after(30.0))


async def test_the_wait_is_predicted_from_what_all_slots_have_to_do() -> None:
    admission = taught(10.0, slots=2)
    for expected in (0.0, 0.0, 10.0, 10.0, 20.0):
        assert admission.predicted_wait == pytest.approx(expected, abs=1.0)
        await waiting(admission.enter(NEVER))
    assert (admission.serving, admission.waiting) == (2, 3)


async def test_one_that_takes_too_long_is_expected_to_take_as_long_again() -> None:
    """Or a generation that hangs would always be about to end."""
    admission = taught(0.05)
    hanging = admission.enter(NEVER)
    await hanging.turn()
    await asyncio.sleep(0.35)
    assert admission.predicted_wait == pytest.approx(hanging.served - 0.05, abs=0.02)
    untaught = Admission()
    await untaught.enter(NEVER).turn()
    await asyncio.sleep(0.2)
    with pytest.raises(Overloaded):
        untaught.enter(Deadline.after(0.15))


async def test_one_that_hangs_does_not_hold_up_the_other_slots() -> None:
    admission = taught(0.05, slots=2)
    hanging = admission.enter(NEVER)
    await hanging.turn()
    await asyncio.sleep(0.3)
    with admission.enter(NEVER) as quick:
        await quick.turn()
        assert admission.predicted_wait < 0.1
        admission.enter(Deadline.after(1.0))


async def test_it_is_known_how_many_were_ahead() -> None:
    admission = Admission(slots=2)
    places = [admission.enter(NEVER) for _ in range(4)]
    for place in places:
        await waiting(place)
    assert [place.ahead for place in places] == [0, 0, 1, 2]


async def test_who_waits_is_refused_when_too_little_time_is_left_to_begin() -> None:
    admission = taught(0.2)
    serving = admission.enter(NEVER)
    await serving.turn()
    async with watched_lag() as lag:
        began = time.monotonic()
        late = admission.enter(Deadline.after(0.8))
        with pytest.raises(Overloaded), late:
            await late.turn()
        assert 0.3 < late.waited < 0.7 + lag.since(began)  # not at once, and before its deadline
    assert admission.waiting == 0


async def test_who_waits_in_vain_is_told_as_soon_as_that_is_known() -> None:
    admission = Admission()  # knows nothing yet, so it lets everybody wait
    first = admission.enter(NEVER)
    await first.turn()
    patient, hasty = admission.enter(NEVER), admission.enter(Deadline.after(0.1))
    turns = [await waiting(patient), await waiting(hasty)]
    await asyncio.sleep(0.08)
    with first:
        first.complete()
    await turns[0]
    with pytest.raises(Overloaded):
        await turns[1]


async def test_those_who_are_sent_away_keep_nobody_behind_them_waiting() -> None:
    admission = Admission()
    first = admission.enter(NEVER)
    await first.turn()
    hasty = [admission.enter(Deadline.after(0.1)) for _ in range(20)]
    patient = admission.enter(Deadline.after(1.0))  # enough for its own turn, not for twenty before it
    turns = [await waiting(place) for place in [*hasty, patient]]
    await asyncio.sleep(0.15)
    with first:
        first.complete()
    await turns.pop()
    assert patient.waited < 1.0
    assert [type(error) for error in await asyncio.gather(*turns, return_exceptions=True)] == [
        Overloaded
    ] * 20


async def test_who_leaves_while_waiting_takes_nothing_along() -> None:
    admission = Admission()
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


async def test_who_is_cancelled_just_when_the_slot_comes_gives_it_back() -> None:
    admission = Admission()
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
    admission = Admission()
    place = admission.enter(NEVER)
    with place, place:
        await place.turn()
    assert (admission.serving, admission.waiting) == (0, 0)


async def test_only_a_generation_that_ended_or_took_long_tells_how_long_one_takes() -> None:
    admission = taught(0.05)
    with admission.enter(NEVER) as quickly_left:
        await quickly_left.turn()
    assert admission.service.mean == 0.05
    with admission.enter(NEVER) as slow:
        await slow.turn()
        await asyncio.sleep(0.1)
    assert admission.service.mean > 0.05


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


async def test_who_is_let_in_is_answered_in_time_however_many_come() -> None:
    """Two hundred at once, and a slot that answers a hundred and twenty in the time they have."""
    admission = Admission()
    for seconds in (0.249, 0.251, 0.25, 0.25, 0.25, 0.249, 0.251, 0.25):
        admission.service.learn(seconds)
    deadline = Deadline.after(30.0)
    let_in = []
    for _ in range(200):
        with contextlib.suppress(Overloaded):
            let_in.append(admission.enter(deadline))
    assert 114 <= len(let_in) < 120
