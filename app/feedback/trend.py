"""How many questions came to which outcome, day by day. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.domain import Status
from app.feedback.base import Record


@dataclass(slots=True)
class Day:
    """Outcomes of the answers of a day, in UTC, and the verdicts on them."""

    date: date
    answered: int = 0
    suggested: int = 0
    declined: int = 0
    helpful: int = 0
    unhelpful: int = 0


class Trend:
    def __init__(self) -> None:
        self._days: dict[date, Day] = {}

    def count(self, record: Record) -> None:
        outcome, verdict = record.outcome, record.verdict
        on = datetime.fromtimestamp(outcome.time, UTC).date()
        day = self._days.setdefault(on, Day(on))
        match outcome.status:
            case Status.ANSWERED:
                day.answered += 1
            case Status.SUGGESTED:
                day.suggested += 1
            case Status.NO_ANSWER:
                day.declined += 1
        if verdict is not None:
            day.helpful += verdict.helpful
            day.unhelpful += not verdict.helpful

    def days(self, first: date, last: date) -> Sequence[Day]:
        """Every day from the first to the last, both included, also those without questions."""
        all_days = (first + timedelta(number) for number in range((last - first).days + 1))
        return [self._days.get(day, Day(day)) for day in all_days]
