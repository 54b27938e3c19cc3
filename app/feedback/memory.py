"""The fake among the stores: it forgets everything with the process."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from app.feedback.base import Outcome, Record, Verdict


class MemoryFeedback:
    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._forgotten: dict[str, float] = {}  # request id -> when

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if self._is_forgotten(outcome):
                continue
            known = self._records.get(outcome.id)
            self._records[outcome.id] = Record(outcome, known.verdict if known else None)

    async def judge(self, outcome: Outcome, verdict: Verdict) -> bool:
        if self._is_forgotten(outcome):
            return False
        known = self._records.get(outcome.id)
        self._records[outcome.id] = Record(known.outcome if known else outcome, verdict)
        return True

    async def records(self, since: float) -> AsyncIterator[Record]:
        for record in sorted(self._records.values(), key=lambda each: (each.outcome.time, each.outcome.id)):
            if record.outcome.time >= since:
                yield record

    async def forget(self, request_id: str, now: float) -> int:
        self._forgotten[request_id] = now
        found = [key for key, each in self._records.items() if each.outcome.request_id == request_id]
        for key in found:
            del self._records[key]
        return len(found)

    async def expire(self, before: float, texts_before: float, forgotten_before: float) -> None:
        self._forgotten = {key: time for key, time in self._forgotten.items() if time >= forgotten_before}
        for key, (outcome, verdict) in [
            (key, (record.outcome, record.verdict)) for key, record in self._records.items()
        ]:
            if outcome.time < before:
                del self._records[key]
            elif outcome.time < texts_before:
                silent = replace(verdict, comment=None) if verdict else None
                self._records[key] = Record(replace(outcome, question=None), silent)

    def _is_forgotten(self, outcome: Outcome) -> bool:
        return outcome.time <= self._forgotten.get(outcome.request_id, -1.0)

    async def close(self) -> None:
        """There is nothing to close."""
