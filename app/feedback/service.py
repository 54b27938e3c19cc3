"""Feedback as the doors use it: tokens for answers, and verdicts on them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from secrets import token_bytes, token_hex

from app.domain import Answer, Question
from app.errors import FeedbackTokenExpired, FeedbackUnavailable
from app.feedback import tokens
from app.feedback.base import FeedbackStore, Outcome, Shown, Verdict
from app.feedback.recorder import Recorder, Retention

_TRYING = 5.0  # seconds a verdict may take to be stored


@dataclass
class Feedback:
    store: FeedbackStore
    retention: Retention
    secret: Callable[[], bytes]  # read when the service starts
    on_verdict: Callable[[bool], None] = lambda helpful: None
    on_dropped: Callable[[int], None] = lambda number: None
    clock: Callable[[], float] = time.time  # seconds since 1970
    recorder: Recorder = field(init=False)
    _key: bytes = field(default_factory=lambda: token_bytes(32), init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.store, self.retention, self.on_dropped)

    @property
    def keeps_texts(self) -> bool:
        return self.retention.texts > 0

    @property
    def trouble(self) -> str | None:
        """Why feedback cannot be stored, as far as is known."""
        return self.recorder.trouble

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Outcomes are recorded inside of this block, at its end those that wait."""
        self._key = await asyncio.to_thread(self.secret)
        recording = asyncio.create_task(self.recorder.run())
        try:
            yield
        finally:
            recording.cancel()
            with suppress(asyncio.CancelledError):
                await recording
            await self.recorder.finish()

    def answered(self, answer: Answer, question: Question, request_id: str) -> str:
        """Records what became of the question; the token for feedback on the answer."""
        outcome = Outcome(
            id=token_hex(8),
            request_id=request_id,
            time=round(self.clock(), 3),  # as the token has it
            index_version=answer.index_version,
            status=answer.status,
            origin=answer.origin,
            collection=question.collection,
            entries=tuple(
                Shown(source.hit.entry.collection, source.hit.entry.id, source.cited)
                for source in answer.sources
            ),
        )
        asked = (answer.asked or question.text) if self.keeps_texts else None
        self.recorder.put(replace(outcome, question=asked))
        return tokens.sign(outcome, self._key)

    def read(self, token: str) -> Outcome:
        """Raises FeedbackTokenInvalid or FeedbackTokenExpired."""
        return tokens.read(token, self._key, self.clock())

    async def judge(
        self, outcome: Outcome, helpful: bool, comment: str | None = None, entry: str | None = None
    ) -> None:
        """Keep a verdict, in place of an earlier one on the same answer.

        Raises FeedbackUnavailable, or FeedbackTokenExpired where the answer was forgotten.
        """
        kept = comment if self.keeps_texts else None
        try:
            async with asyncio.timeout(_TRYING):
                taken = await self.store.judge(outcome, Verdict(helpful, self.clock(), kept, entry))
        except TimeoutError as error:
            late = FeedbackUnavailable(
                "feedback cannot be stored: its store does not answer; try again later"
            )
            self.recorder.note(late)
            raise late from error
        except FeedbackUnavailable as error:
            self.recorder.note(error)
            raise
        self.recorder.note(None)
        if not taken:
            raise FeedbackTokenExpired(
                "what was kept of this answer has been deleted, and nothing of it is kept again; ask again"
            )
        self.on_verdict(helpful)

    async def forget(self, request_id: str) -> int:
        """Delete all that is kept of a request; how many answers that were. Raises FeedbackUnavailable."""
        return await self.store.forget(request_id, self.clock())
