"""Who may have the model generate, when, and who is better told at once that it would take too long."""

import asyncio
import heapq
import math
import time
from collections import deque
from types import TracebackType
from typing import Self

from app.errors import Overloaded
from app.traffic.deadline import Deadline

_REMEMBERED = 8  # generations: an answer takes as long as those just before it, not as those of an hour ago
_OF_ITS_TIME = 0.99  # a caller's begins before we hear of it, and ends when the answer has arrived
_TELLING = 4  # generations that say how far they spread
_SOONEST = 0.05  # seconds before its deadline until which a generation may begin, however quick they are


class ServiceTime:
    """How long generations take, in seconds: the trimmed mean of the last few that ended."""

    def __init__(self) -> None:
        self.mean = 0.0  # 0: not known yet
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._deviation = 0.0  # standard

    def learn(self, seconds: float) -> None:
        self._last.append(seconds)
        telling = len(self._last) >= _TELLING
        # Without the extremes: one that hung, or had to load the model, says nothing of the next.
        usual = sorted(self._last)[1:-1] if telling else self._last
        self.mean = sum(usual) / len(usual)
        squares = sum((each - self.mean) ** 2 for each in usual)
        self._deviation = math.sqrt(squares / len(usual)) if telling else self.mean / 4

    def spread(self, generations: float) -> float:
        """By how much so many, one after the other, may take longer or shorter than their mean says: two
        standard errors, of the generations to come and of what is known of the mean."""
        known = max(len(self._last), 1)
        return 2 * self._deviation * math.sqrt(generations + generations**2 / known)


class Admission:
    """Generation slots with a queue, first come first served.

    The queue is bounded by time, not by length: who could not be answered before its deadline, as far as
    the generations so far tell, is refused when it comes.
    """

    def __init__(self, slots: int = 1) -> None:
        self._slots = slots
        self._queue: dict[Place, None] = {}  # in order of arrival
        self._serving: set[Place] = set()
        self.service = ServiceTime()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def serving(self) -> int:
        return len(self._serving)

    @property
    def predicted_wait(self) -> float:
        """Seconds until who comes now would have a slot."""
        return self._wait(len(self._queue))

    @property
    def expected(self) -> float:
        """Seconds until who comes now would be answered."""
        return self.predicted_wait + self.service.mean

    def check(self, deadline: Deadline) -> None:
        """Raises Overloaded when who comes now would not be answered in time."""
        # With a slot free nobody is refused: an estimate that turns all away could never be corrected.
        if self._free(len(self._queue)):
            return
        _, needed = self._needed(len(self._queue))
        if needed > _OF_ITS_TIME * deadline.left:
            raise self.overloaded(deadline, needed)

    def enter(self, deadline: Deadline) -> "Place":
        """A place in the queue; leave it, or use it as a context manager. Raises Overloaded."""
        self.check(deadline)
        place = Place(self, deadline)
        place.ahead = max(self.serving + self.waiting + 1 - self._slots, 0)
        self._queue[place] = None
        return place

    # --- for places ---

    def dispatch(self) -> None:
        """Give free slots to the first who are ready for them: a slow search does not hold up the others."""
        while self._free(0):
            ready = next((place for place in self._queue if place.ready), None)
            if ready is None:
                return
            del self._queue[ready]
            self._serving.add(ready)
            ready.begin()

    def remove(self, place: "Place", completed: bool) -> None:
        self._queue.pop(place, None)
        if place not in self._serving:
            return
        self._serving.remove(place)
        # One that was broken off tells something only when it had already taken longer than usual.
        if completed or place.served > self.service.mean > 0:
            self.service.learn(place.served)
            self._refuse_late()
        self.dispatch()

    def overloaded(self, deadline: Deadline, needed: float) -> Overloaded:
        retry = max(1, math.ceil(needed - max(deadline.left, 0.0)))
        return Overloaded(
            f"{self.waiting} questions wait for the model, and an answer would take about {needed:.0f} "
            f"seconds, longer than this request may; try again in {retry} seconds, or use mode extract",
            retry_after=retry,
        )

    def _refuse_late(self) -> None:
        """Who waits in vain by what is known now is told now."""
        ahead = 0  # of those who stay
        for place in list(self._queue):
            least, needed = self._needed(ahead)
            if least > place.deadline.left:
                place.refuse(self.overloaded(place.deadline, needed))
            else:
                ahead += 1

    def _free(self, ahead: int) -> bool:
        """Whether there is a slot for who has so many ahead in the queue."""
        return len(self._serving) + ahead < self._slots

    def _wait(self, ahead: int) -> float:
        """Seconds until who has so many before it in the queue has a slot: each of them takes the one that is
        free first. A generation that is over its time is expected to need as much again, so that one that
        hangs is not waited for."""
        if self._free(ahead):
            return 0.0
        mean = self.service.mean
        free_in = sorted(abs(mean - place.served) for place in self._serving)
        free_in = [0.0] * (self._slots - len(free_in)) + free_in
        for _ in range(ahead):
            heapq.heapreplace(free_in, free_in[0] + mean)
        return free_in[0]

    def _needed(self, ahead: int) -> tuple[float, float]:
        """Seconds until its answer would be there: at least, and at most."""
        expected = self._wait(ahead) + self.service.mean
        spread = self.service.spread(ahead / self._slots + 1)
        return expected - spread, expected + spread


class Place:
    """One question's place in the queue, then its slot."""

    def __init__(self, admission: Admission, deadline: Deadline) -> None:
        self.deadline = deadline
        self._admission = admission
        self.ahead = 0  # who have to end before it begins, as it was when it came
        self.waited = 0.0  # seconds, for its slot or in vain
        self._turn: asyncio.Future[None] | None = None
        self._began = math.inf
        self._completed = False

    @property
    def ready(self) -> bool:
        return self._turn is not None and not self._turn.done()

    @property
    def served(self) -> float:
        """Seconds since it has its slot."""
        return max(time.monotonic() - self._began, 0.0)

    async def turn(self) -> None:
        """Wait for the slot. Raises Overloaded when it comes too late."""
        asked = time.monotonic()
        self._turn = asyncio.get_running_loop().create_future()
        self._admission.dispatch()
        if self._turn.done():
            return
        # With less time than a generation takes it would be begun in vain.
        latest = self.deadline.left - max(self._admission.service.mean, _SOONEST)
        try:
            async with asyncio.timeout(None if latest == math.inf else latest):
                await self._turn
        except TimeoutError as error:
            raise self._admission.overloaded(self.deadline, self._admission.expected) from error
        finally:
            self.waited = time.monotonic() - asked

    def begin(self) -> None:
        self._began = time.monotonic()
        if self._turn:
            self._turn.set_result(None)

    def refuse(self, error: Overloaded) -> None:
        if self._turn and not self._turn.done():
            self._turn.set_exception(error)

    def complete(self) -> None:
        """The generation has come to its end: how long it took tells what to expect of the next."""
        self._completed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turn and not self._turn.done():
            self._turn.cancel()
        self._admission.remove(self, self._completed)
