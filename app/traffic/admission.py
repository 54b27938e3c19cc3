"""Admission control: a FIFO queue for generation slots, bounded by predicted wait."""

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

from app.errors import Overloaded
from app.traffic.deadline import TimeLeft

_SAFETY = 0.99  # of the time left: a request begins before we see it, and ends when the answer has arrived
_LEAST_SECONDS = 0.05  # a generation that begins later than this before its deadline is useless
_UNMEASURED_QUEUE = 32  # places for each slot until the first generation has been measured
_TICK = 0.001  # seconds; timers are no more exact than that
_UNMEASURED_RETRY = 10  # seconds
_REMEMBERED = 8  # generations: recent ones predict the next one best
_FOR_DEVIATION = 4  # generations it takes to estimate how far they spread


class ServiceTime:
    """The trimmed mean of the last generations that ended, in seconds."""

    def __init__(self) -> None:
        self.mean = 0.0  # 0: not known yet
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._deviation = 0.0  # standard

    def learn(self, seconds: float) -> None:
        self._last.append(seconds)
        enough = len(self._last) >= _FOR_DEVIATION
        # Without the extremes: a generation that hung, or had to load the model, says nothing of the next.
        usual = sorted(self._last)[1:-1] if enough else self._last
        self.mean = sum(usual) / len(usual)
        squares = sum((each - self.mean) ** 2 for each in usual)
        self._deviation = math.sqrt(squares / len(usual)) if enough else self.mean / 4

    def spread(self, generations: float) -> float:
        """How far this number of generations, one after the other, may deviate from their mean: two standard
        errors, of the generations to come and of the mean itself."""
        known = max(len(self._last), 1)
        return 2 * self._deviation * math.sqrt(generations + generations**2 / known)


@dataclass(frozen=True, slots=True)
class Load:
    """What other replicas of askd do with the same slots."""

    serving: int = 0
    waiting: int = 0


class Admission:
    """Generation slots with a queue, first come first served.

    A request that could not be answered before its deadline, as far as the last generations tell, is refused
    when it arrives. Until the first generation has ended (the model may have to load for it) there is no
    prediction, and the queue is bounded by its length. `clock` counts seconds.

    Where several replicas share the slots, app.shared.slots says which of them are this one's.
    """

    def __init__(self, slots: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.service = ServiceTime()
        self._slots = slots
        self._by_grant = False  # else so many of the slots are this replica's own:
        self.allotted = slots
        self.granted = 0  # and not used yet
        self.elsewhere = Load()
        self.on_change: Callable[[], None] = lambda: None  # called when a request can begin, or has ended
        self._queue: dict[Place, None] = {}  # in order of arrival
        self._serving: set[Place] = set()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def serving(self) -> int:
        return len(self._serving)

    @property
    def vacant(self) -> bool:
        """Whether a request arriving now would begin at once."""
        return self._may_begin(len(self._queue))

    @property
    def predicted_wait(self) -> float:
        """Seconds until a request arriving now would get a slot."""
        return self._wait(len(self._queue))

    @property
    def expected(self) -> float:
        """Seconds until a request arriving now would be answered."""
        return self.predicted_wait + self.service.mean

    def enter(self, deadline: TimeLeft) -> "Place":
        """A place in the queue; use it as a context manager. Raises Overloaded.

        With a slot free no request is refused: an estimate that refuses everybody could never be corrected.
        """
        ahead = len(self._queue)
        if not self._free(ahead):
            queued = ahead + self.elsewhere.waiting
            if self.service.mean == 0.0 and queued >= _UNMEASURED_QUEUE * self._slots:
                raise self._unmeasured()
            self.check(ahead, deadline)
        place = Place(self, deadline)
        taken = self.serving + self.elsewhere.serving
        place.ahead = max(taken + self._all_ahead(ahead) + 1 - self._slots, 0)
        self._queue[place] = None
        return place

    def check(self, ahead: int, deadline: TimeLeft) -> None:
        """Raises Overloaded when a request with `ahead` others before it would be answered too late."""
        _, most = self._needed(ahead)
        if most > _SAFETY * deadline.left:
            raise self.overloaded(deadline, most)

    # --- for several replicas ---

    def allot(self, slots: int | None, elsewhere: Load) -> None:
        """So many of the slots are this replica's own; None: those it is granted. Takes grants back."""
        self._by_grant, self.allotted = slots is None, slots or 0
        self.granted, self.elsewhere = 0, elsewhere
        self.dispatch()

    def grant(self, slots: int) -> None:
        """So many more of those who wait may begin."""
        self.granted += slots
        self.dispatch()

    def ready_for(self, most: int) -> list[float]:
        """How long the first of those who could begin have been here, in seconds."""
        ready = (place for place in self._queue if place.ready)
        return [self.clock() - place.arrived for place in islice(ready, most)]

    # --- for places ---

    def dispatch(self) -> None:
        """Give free slots to the first who are ready: a slow search does not hold up those behind it."""
        while self._may_begin(0):
            ready = next((place for place in self._queue if place.ready), None)
            if ready is None:
                return
            del self._queue[ready]
            self.granted = max(self.granted - 1, 0)
            self._serving.add(ready)
            ready.begin()

    def ahead_of(self, place: "Place") -> int | None:
        """How many are before it in the queue; None when it is not waiting."""
        return next((ahead for ahead, each in enumerate(self._queue) if each is place), None)

    def remove(self, place: "Place", completed: bool) -> None:
        self._queue.pop(place, None)
        if place not in self._serving:
            return
        self.on_change()
        self._serving.remove(place)
        # A cancelled one is informative only when it had already taken longer than usual.
        if completed or place.served > self.service.mean > 0:
            self.service.learn(place.served)
            self._refuse_late()
        self.dispatch()

    def overloaded(self, deadline: TimeLeft, needed: float) -> Overloaded:
        retry = max(1, math.ceil(needed - max(deadline.left, 0.0)))
        return Overloaded(
            f"{self.waiting} questions wait for the model, and an answer would take about {needed:.0f} "
            f"seconds, longer than this request may; try again in {retry} seconds, or use mode extract",
            retry_after=retry,
        )

    def _unmeasured(self) -> Overloaded:
        return Overloaded(
            f"{self.waiting} questions wait for the model, which has not finished its first answer yet; "
            f"try again in {_UNMEASURED_RETRY} seconds, or use mode extract",
            retry_after=_UNMEASURED_RETRY,
        )

    def _refuse_late(self) -> None:
        """Refuse the waiting requests that are now predicted to miss their deadlines."""
        ahead = 0  # of the remaining ones
        for place in list(self._queue):
            least, most = self._needed(ahead)
            if least > place.deadline.left:
                place.refuse(self.overloaded(place.deadline, most))
            else:
                ahead += 1

    def _may_begin(self, ahead: int) -> bool:
        return ahead < self.granted if self._by_grant else self.serving + ahead < self.allotted

    def _free(self, ahead: int) -> bool:
        """Whether a request with `ahead` others before it in the queue would have a slot."""
        return self.serving + self.elsewhere.serving + self._all_ahead(ahead) < self._slots

    def _all_ahead(self, ahead: int) -> int:
        """With those in the queues of other replicas, who are taken to have come as evenly as ours."""
        return ahead + round(self.elsewhere.waiting * (ahead + 1) / (len(self._queue) + 1))

    def _wait(self, ahead: int) -> float:
        """Seconds until a request with `ahead` others before it gets a slot: each of them takes the slot
        that is free first. A generation that has taken longer than the mean is expected to take as long
        again, so that one that hangs does not count as about to end."""
        if self._free(ahead):
            return 0.0
        mean = self.service.mean
        served = [abs(mean - place.served) for place in self._serving]
        free_in = sorted(served + [mean / 2] * self.elsewhere.serving)[-self._slots :]
        free_in = [0.0] * (self._slots - len(free_in)) + free_in
        for _ in range(self._all_ahead(ahead)):
            heapq.heapreplace(free_in, free_in[0] + mean)
        return free_in[0]

    def _needed(self, ahead: int) -> tuple[float, float]:
        """Seconds until the answer would be complete: at least, and at most."""
        expected = self._wait(ahead) + self.service.mean
        spread = self.service.spread(self._all_ahead(ahead) / self._slots + 1)
        return expected - spread, expected + spread


class Place:
    """One question's place in the queue, then its slot. `deadline` may be that of several callers."""

    def __init__(self, admission: Admission, deadline: TimeLeft) -> None:
        self.deadline = deadline
        self.arrived = admission.clock()
        self.ahead = 0  # generations that had to end before it could begin, when it arrived
        self.waited = 0.0  # seconds, until it got its slot or was refused
        self._admission = admission
        self._slot: asyncio.Future[None] | None = None
        self._began = math.inf
        self._completed = False

    @property
    def ready(self) -> bool:
        return self._slot is not None and not self._slot.done()

    @property
    def served(self) -> float:
        """Seconds since it got its slot."""
        return max(self._admission.clock() - self._began, 0.0)

    def check(self, deadline: TimeLeft) -> None:
        """For a caller that joins this place. Raises Overloaded when the answer would come too late."""
        ahead = self._admission.ahead_of(self)
        if ahead is not None:
            self._admission.check(ahead, deadline)

    async def turn(self) -> None:
        """Wait for the slot. Raises Overloaded when the answer would come too late."""
        asked = self._admission.clock()
        self._slot = slot = asyncio.get_running_loop().create_future()
        self._admission.dispatch()
        self._admission.on_change()
        try:
            while not slot.done():
                # With less time left than a generation takes it would be useless. The deadline may move.
                latest = self.deadline.left - max(self._admission.service.mean, _LEAST_SECONDS)
                if latest < _TICK:
                    raise self._admission.overloaded(self.deadline, self._admission.expected)
                await asyncio.wait({slot}, timeout=None if latest == math.inf else latest)
            slot.result()
        finally:
            slot.cancel()  # a place that has given up must not get the slot later
            self.waited = self._admission.clock() - asked

    def begin(self) -> None:
        self._began = self._admission.clock()
        if self._slot:
            self._slot.set_result(None)

    def refuse(self, error: Overloaded) -> None:
        if self._slot and not self._slot.done():
            self._slot.set_exception(error)
            self._slot.exception()  # retrieved: its caller may be leaving just now

    def complete(self) -> None:
        """The generation has ended by itself: its duration helps to predict the next one's."""
        self._completed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._slot and not self._slot.done():
            self._slot.cancel()
        self._admission.remove(self, self._completed)
