"""The fake among the stores: it forgets everything with the process."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from app.feedback.base import Outcome, Record, Verdict


class MemoryFeedback:
    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            known = self._records.get(outcome.id)
            self._records[outcome.id] = Record(outcome, known.verdict if known else None)

    async def judge(self, outcome: Outcome, verdict: Verdict) -> None:
        known = self._records.get(outcome.id)
        self._records[outcome.id] = Record(known.outcome if known else outcome, verdict)

    async def records(self, since: float) -> AsyncIterator[Record]:
        for record in sorted(self._records.values(), key=lambda each: (each.outcome.time, each.outcome.id)):
            if record.outcome.time >= since:
                yield record

    async def forget(self, request_id: str) -> int:
        found = [key for key, each in self._records.items() if each.outcome.request_id == request_id]
        for key in found:
            del self._records[key]
        return len(found)

    async def expire(self, before: float, texts_before: float) -> None:
        for key, (outcome, verdict) in [
            (key, (record.outcome, record.verdict)) for key, record in self._records.items()
        ]:
            if outcome.time < before:
                del self._records[key]
            elif outcome.time < texts_before:
                silent = replace(verdict, comment=None) if verdict else None
                self._records[key] = Record(replace(outcome, question=None), silent)

    async def close(self) -> None:
        """There is nothing to close."""
