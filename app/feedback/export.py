"""Gaps as files: a table, questions for `askd eval`, and the beginning of an entry. Pure."""

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from app.domain import Status
from app.feedback.base import Record
from app.feedback.gaps import Group, kind_of

_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"  # also in full width
_FORMULA = re.compile(rf"^[{_SIGNS}\t\r\n]")  # what a spreadsheet would run
# The same where it parts cells at semicolons or tabs: then quotes within a line hold no cell together.
_INSIDE = re.compile(rf"(?<=[;\t\r\n])([ \"]*)(?=[{_SIGNS}])")


def table(groups: Sequence[Group]) -> str:
    """CSV, a row for each question of a group."""
    rows = [
        (
            number,
            each.kinds.total(),
            each.kinds["declined"],
            each.kinds["suggested"],
            each.kinds["unhelpful"],
            group.nearest or "",
            each.question,
        )
        for number, group in enumerate(groups, start=1)
        for each in group.wanted
    ]
    header = ("group", "asked", "declined", "suggested", "unhelpful", "nearest", "question")
    return _csv([header, *rows])


def draft(group: Group) -> Mapping[str, str]:
    """A record for a FAQ file, of which the answer is to be written."""
    collection = (group.nearest or "").partition("/")[0]
    entry = {"question": group.wanted[0].question, "answer": ""}
    return entry | ({"collection": collection} if collection else {})


def entry_line(group: Group) -> str:
    """The same as a line of JSON."""
    return json.dumps(draft(group), ensure_ascii=False)


class Cases:
    """Questions for `askd eval`: those whose answer somebody called helpful, with its entry, and those that
    were declined, with none."""

    def __init__(self) -> None:
        self._cases: dict[str, tuple[str, str, str]] = {}  # question -> collection, ids, kind

    def add(self, record: Record) -> None:
        question, verdict = record.outcome.question, record.verdict
        if question is None:
            return
        if verdict and verdict.helpful and (right := _right(record)):
            collection, ids = right
            self._cases[question] = collection, ids, "helpful"
        elif kind_of(record) == "declined":
            self._cases.setdefault(question, ("", "", "declined"))

    def rows(self, known: Collection[str]) -> Iterable[tuple[str, str, str, str]]:
        """Of the entries those that the FAQ still has: `known` are their keys."""
        for question, (collection, ids, kind) in self._cases.items():
            if all(f"{collection}/{id_}" in known for id_ in ids.split("|")) or not ids:
                yield question, collection, ids, kind

    def csv(self, known: Collection[str]) -> str:
        return _csv([("question", "collection", "id", "kind"), *self.rows(known)])

    def json_lines(self, known: Collection[str]) -> str:
        names = ("question", "collection", "id", "kind")
        rows = (dict(zip(names, row, strict=True)) for row in self.rows(known))
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _right(record: Record) -> tuple[str, str] | None:
    """Collection and ids of what answered the question."""
    verdict, entries = record.verdict, record.outcome.entries
    if verdict and verdict.entry:
        meant = [entry for entry in entries if entry.key == verdict.entry]
    else:
        answered = record.outcome.status is Status.ANSWERED
        meant = [entry for entry in entries if entry.cited] if answered else []
    if len({entry.collection for entry in meant}) != 1:
        return None
    return meant[0].collection, "|".join(entry.id for entry in meant)


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    """An apostrophe makes a text of a formula."""
    return _FORMULA.sub(r"'\g<0>", _INSIDE.sub(r"\1'", cell)) if isinstance(cell, str) else cell
