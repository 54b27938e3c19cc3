"""Writes outcomes in the background: an answer never waits for its record, nor fails with it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from app.errors import FeedbackUnavailable
from app.feedback.base import FeedbackStore, Outcome
from app.feedback.tokens import VALID_SECONDS

log = logging.getLogger(__name__)

_ROOM = 2_000  # outcomes that may wait for the store
_BATCH = 500
_GATHERING = 0.5  # seconds: what comes meanwhile is written together
_PAUSE = 5.0  # seconds before a store that failed is tried again
_LAST_TRY = 2.0  # seconds at the end
_EXPIRY = 3600.0  # seconds between two looks at what has expired
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """Days; `texts` of questions and comments, 0: they are never stored."""

    outcomes: int
    texts: int

    async def apply(self, store: FeedbackStore) -> None:
        """Raises FeedbackUnavailable."""
        now = time.time()
        await store.expire(now - self.outcomes * _DAY, now - self.texts * _DAY, now - VALID_SECONDS)


@dataclass
class Recorder:
    store: FeedbackStore
    retention: Retention
    on_dropped: Callable[[int], None] = lambda number: None
    trouble: str | None = None  # why the store does not work; None: it does, as far as is known
    _waiting: deque[Outcome] = field(default_factory=deque, init=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _expired_at: float | None = field(default=None, init=False)

    def put(self, outcome: Outcome) -> None:
        """Never waits: where the store does not keep up the newest outcome is dropped, and counted."""
        if len(self._waiting) >= _ROOM:
            self.on_dropped(1)
            return
        self._waiting.append(outcome)
        self._arrived.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._expire()
            try:
                await self._wait()
                await self._write()
            except FeedbackUnavailable as error:
                self.note(error)
                await asyncio.sleep(_PAUSE)
            except Exception:
                # What cannot be written at all must not hold up what comes after it.
                log.exception("outcomes of answers could not be recorded")
                self._drop(min(_BATCH, len(self._waiting)))
                await asyncio.sleep(_PAUSE)

    async def finish(self) -> None:
        """Write what waits, if the store takes it at once; the rest is dropped."""
        try:
            async with asyncio.timeout(_LAST_TRY):
                while self._waiting:
                    await self._write()
        except (FeedbackUnavailable, TimeoutError):
            self._lose_what_waits()
        except Exception:
            log.exception("outcomes of answers could not be recorded")
            self._lose_what_waits()

    def note(self, error: FeedbackUnavailable | None) -> None:
        """Whether the store works. Logged when that changes."""
        if error and self.trouble is None:
            facts = {"detail": str(error), "reason": error.reason}
            log.warning("the feedback store does not work; answers are given as before", extra=facts)
        self.trouble = str(error) if error else None

    def _lose_what_waits(self) -> None:
        log.warning("outcomes of answers are lost", extra={"number": len(self._waiting)})
        self._drop(len(self._waiting))

    def _drop(self, number: int) -> None:
        """Of those that wait the oldest."""
        for _ in range(number):
            self._waiting.popleft()
        self.on_dropped(number)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_EXPIRY):
                await self._arrived.wait()
            await asyncio.sleep(_GATHERING)
        except TimeoutError:
            pass  # time to see what has expired

    async def _write(self) -> None:
        while batch := list(islice(self._waiting, _BATCH)):
            await self.store.record(batch)
            for _ in batch:
                self._waiting.popleft()
            self.note(None)
        self._arrived.clear()

    async def _expire(self) -> None:
        """Now and then. Where it fails, what waits is written all the same."""
        now = time.monotonic()
        if self._expired_at is not None and now - self._expired_at < _EXPIRY:
            return
        self._expired_at = now
        try:
            await self.retention.apply(self.store)
        except FeedbackUnavailable as error:
            self.note(error)
        except Exception:
            log.exception("what has expired could not be deleted")
        else:
            self.note(None)
