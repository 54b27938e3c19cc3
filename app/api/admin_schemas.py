"""What /admin answers with: a period's gaps, use of entries and trend."""

import datetime
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from app.domain import FaqEntry
from app.feedback.export import draft
from app.feedback.gaps import Group, Wanted
from app.feedback.recorder import Retention
from app.feedback.report import Report, key_of
from app.feedback.trend import Day

_MOST_GROUPS = 100
_MOST_ENTRIES = 200  # used, and never used
_MOST_WORDINGS = 50  # of a group
_MOST_REQUESTS = 100  # of a wording
_MOST_COMMENTS = 50


class RetentionOut(BaseModel):
    """Days that things are kept."""

    outcomes: int = Field(description="ASKD_FEEDBACK_DAYS")
    questions: int = Field(description="ASKD_KEEP_QUESTIONS; 0: neither questions nor comments are kept")


class TotalsOut(BaseModel):
    answered: int
    suggested: int
    declined: int
    helpful: int
    unhelpful: int
    without_question: int = Field(description="gaps of which no question is kept")


class DayOut(BaseModel):
    date: datetime.date = Field(description="in UTC")
    answered: int
    suggested: int
    declined: int
    helpful: int
    unhelpful: int

    @classmethod
    def of(cls, day: Day) -> "DayOut":
        return cls(
            date=day.date,
            answered=day.answered,
            suggested=day.suggested,
            declined=day.declined,
            helpful=day.helpful,
            unhelpful=day.unhelpful,
        )


class WordingOut(BaseModel):
    question: str
    asked: int
    requests: Sequence[str] = Field(description="ids, at most 100, oldest first")


class EntryOut(BaseModel):
    key: str = Field(description="COLLECTION/ID")
    question: str | None = Field(description="null where the FAQ has it no more")


class GroupOut(BaseModel):
    """Questions that ask for the same."""

    asked: int
    declined: int
    suggested: int
    unhelpful: int
    wordings: Sequence[WordingOut] = Field(description="the most frequent first, at most 50")
    more_wordings: int
    nearest: EntryOut | None = Field(description="the entry that is nearest most often")
    comments: Sequence[str]
    draft: Mapping[str, str] = Field(description="a record for a FAQ file, without its answer")

    @classmethod
    def of(cls, group: Group, entries: Mapping[str, FaqEntry]) -> "GroupOut":
        return cls(
            asked=group.count,
            declined=group.kinds["declined"],
            suggested=group.kinds["suggested"],
            unhelpful=group.kinds["unhelpful"],
            wordings=[_wording(each) for each in group.wanted[:_MOST_WORDINGS]],
            more_wordings=max(0, len(group.wanted) - _MOST_WORDINGS),
            nearest=_entry(group.nearest, entries) if group.nearest else None,
            comments=group.comments[:_MOST_COMMENTS],
            draft=draft(group),
        )


class EntryUseOut(EntryOut):
    cited: int = Field(description="answers that rested on it")
    nearest: int = Field(description="times it came first where there was no answer")
    helpful: int
    unhelpful: int


class ReportOut(BaseModel):
    since: datetime.date = Field(description="the first day of the period, in UTC")
    retention: RetentionOut
    collections: Sequence[str] = Field(description="of the FAQ, to choose from")
    totals: TotalsOut
    days: Sequence[DayOut]
    groups: Sequence[GroupOut] = Field(description="the largest first, at most 100")
    more_groups: int
    rare_questions: int = Field(description="that were left out because there are too many")
    most_used: Sequence[EntryUseOut] = Field(description="at most 200")
    never_used: Sequence[EntryOut] = Field(description="no answer rested on them; at most 200")
    more_never_used: int
    notices: Sequence[str] = Field(description="why the report is less than it could be")

    @classmethod
    def of(cls, report: Report, retention: Retention) -> "ReportOut":
        entries = {key_of(entry): entry for entry in report.entries}
        statuses, usage = report.usage.statuses, report.usage
        never = usage.never_used(entries)
        return cls(
            since=report.days[0].date,
            retention=RetentionOut(outcomes=retention.outcomes, questions=retention.texts),
            collections=report.collections,
            totals=TotalsOut(
                answered=statuses["answered"],
                suggested=statuses["suggested"],
                declined=statuses["no_answer"],
                helpful=usage.helpful,
                unhelpful=usage.unhelpful,
                without_question=usage.without_question,
            ),
            days=[DayOut.of(day) for day in report.days],
            groups=[GroupOut.of(group, entries) for group in report.groups[:_MOST_GROUPS]],
            more_groups=max(0, len(report.groups) - _MOST_GROUPS),
            rare_questions=report.left_out,
            most_used=[
                EntryUseOut(
                    **dict(_entry(key, entries)),
                    cited=use.cited,
                    nearest=use.nearest,
                    helpful=use.helpful,
                    unhelpful=use.unhelpful,
                )
                for key, use in usage.most_used()[:_MOST_ENTRIES]
            ],
            never_used=[_entry(key, entries) for key in never[:_MOST_ENTRIES]],
            more_never_used=max(0, len(never) - _MOST_ENTRIES),
            notices=report.notices,
        )


class ForgottenOut(BaseModel):
    request_id: str
    answers: int = Field(description="of the request, deleted with all that was said about them")


def _wording(wanted: Wanted) -> WordingOut:
    return WordingOut(
        question=wanted.question,
        asked=wanted.kinds.total(),
        requests=wanted.requests[-_MOST_REQUESTS:],
    )


def _entry(key: str, entries: Mapping[str, FaqEntry]) -> EntryOut:
    known = entries.get(key)
    return EntryOut(key=key, question=known.question if known else None)
