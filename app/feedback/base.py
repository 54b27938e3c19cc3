"""What is kept of answers: their outcomes, and what people say about them. The port of the stores."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain import Origin, Status


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry that came with an answer; `cited`: the answer rests on it."""

    collection: str
    id: str
    cited: bool

    @property
    def key(self) -> str:
        """COLLECTION/ID, as callers name an entry."""
        return f"{self.collection}/{self.id}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question was answered with. `id` is unique; `request_id` need not be: callers may choose it."""

    id: str
    request_id: str
    time: float  # seconds since 1970
    index_version: str
    status: Status
    origin: Origin | None
    collection: str | None  # the one that was searched; None: all
    entries: Sequence[Shown]  # best first
    question: str | None = None  # as it was searched for; None: it is not kept


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody says about an answer."""

    helpful: bool
    time: float  # seconds since 1970
    comment: str | None = None
    entry: str | None = None  # COLLECTION/ID: of the entries shown, the one that is meant


@dataclass(frozen=True, slots=True)
class Record:
    outcome: Outcome
    verdict: Verdict | None


class FeedbackStore(Protocol):
    """Where outcomes and verdicts are kept. Every method raises FeedbackUnavailable."""

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Keep them, but for those that were forgotten. A verdict that came earlier stays."""
        ...

    async def judge(self, outcome: Outcome, verdict: Verdict) -> bool:
        """Keep the verdict, in place of an earlier one; also the outcome, where it is not there yet.

        A question that is kept already stays. False where the answer was forgotten: nothing is kept then.
        """
        ...

    def records(self, since: float) -> AsyncIterator[Record]:
        """Those of answers given since then, oldest first."""
        ...

    async def forget(self, request_id: str, now: float) -> int:
        """Delete all that is kept of a request; how many answers that were.

        That it was forgotten is remembered, so that nothing of its answers until `now` is kept again.
        """
        ...

    async def expire(self, before: float, texts_before: float, forgotten_before: float) -> None:
        """Delete what was answered before the first time, the texts of what was before the second, and what
        is remembered of requests that were forgotten before the third."""
        ...

    async def close(self) -> None: ...
