"""What the files hold, gathered file by file: entries by their id, wrong records, and doubts."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.column_aliases import quoted_names
from app.ingest.conflicts import Conflicts, marks
from app.ingest.formats.questions import is_section_title
from app.ingest.reading import FORMATS, Reading, read_records
from app.ingest.records import Bad
from app.ingest.report import BadRecord, FileReport, Notes
from app.ingest.source import Source
from app.ranking.text import mostly_latin

_REPORT_EVERY = 500  # records
_SAMPLES = 5
_MOST_BAD = 0.1  # of all records; one bad record alone never stops the others
_MOST_NAMED = 200  # bad records in one message
_LEAST_USED = 0.5  # of a document

Key = tuple[str, str]
# key, fingerprint, place, and the marks of question and answer
_Seen = tuple[Key, bytes, str, bytes, bytes, bool]


class Winner(NamedTuple):
    """The last record of its id."""

    position: int  # among all records of all files
    fingerprint: bytes
    file: int
    place: str
    question: bytes  # marks, to find conflicts by
    answer: bytes
    latin: bool  # written in the Latin script


class Collector:
    """Reads file by file, and decides what of each goes on."""

    def __init__(self, reading: Reading, strict: bool, progress: Callable[[int], None]) -> None:
        self.count = self.merged = 0
        self.position = 0
        self.warnings: list[str] = []
        self.files: list[FileReport] = []
        self.bad: list[BadRecord] = []
        self.failed: list[str] = []
        self.taken: list[Source] = []
        self.winners: dict[Key, Winner] = {}
        self._reading = reading
        self._strict = strict
        self._progress = progress
        self._bad_count = 0

    def read(self, source: Source) -> None:
        """Read one file. In a folder, files that hold no FAQ are skipped and broken ones reported."""
        report = FileReport(source.name, Notes(), self._reading.collection or source.stem)
        try:
            bad, records = self._records(source, report)
            doubt = self._doubt(source, report, records, bad)
        except BadFaqFile as error:
            if source.inside is None:
                raise
            report.passed_over = str(error).removeprefix(f"{source.name}, ")
            if not report.passed_over.startswith("no "):
                self.failed.append(f"{source.name}: {report.passed_over}")
            self.files.append(report)
            return
        if doubt and not (self._reading.allow_partial and records):
            if source.inside is None:
                raise BadFaqFile(f"{source.name}: {doubt}")
            report.passed_over = doubt
            if records and report.notes.questions == [] and not doubt.startswith("no FAQ by its name"):
                self.failed.append(f"{source.name}: {doubt}")
            self.files.append(report)
            return
        self.files.append(report)
        self._take(source, report, bad, records)

    def _records(self, source: Source, report: FileReport) -> tuple[list[Bad], list[_Seen]]:
        bad: list[Bad] = []
        records: list[_Seen] = []
        told = 0
        for record in read_records(source, self._reading, report.notes):
            if isinstance(record, Bad):
                if record.records:
                    bad.append(record)
                continue
            entry, place = record
            if len(report.samples) < _SAMPLES:
                report.samples.append(entry)
            records.append(
                (entry.key, fingerprint(entry), place, *marks(entry), mostly_latin(entry.question))
            )
            told += 1
            if told % _REPORT_EVERY == 0:
                self._progress(_REPORT_EVERY)
        self._progress(told % _REPORT_EVERY)
        return bad, records

    def _doubt(
        self, source: Source, report: FileReport, records: Sequence[object], bad: Sequence[Bad]
    ) -> str:
        """Why this file should not be read as it was, and which flag helps."""
        notes = report.notes
        if not records and not bad:
            if notes.skipped:
                return f"no records: {notes.skipped} drafts or unpublished ones were skipped"
            seen = f"; {notes.warnings[-1]}" if notes.warnings and FORMATS[source.format].is_document else ""
            return f"no records{seen}{f'; {notes.cure}' if seen and notes.cure else ''}"
        if source.is_template and not self._reading.allow_partial:
            return "no FAQ by its name, but the template for one (--allow-partial takes it)"
        if source.folder_of_entries and source.needs_certainty and notes.shape != "front matter":
            return "no FAQ by its name, and the other documents of the folder are one entry each"
        if source.inside is not None and notes.questions:
            if source.needs_certainty:
                return "no FAQ by its name, and its headings are no questions"
            if source.folder_of_entries:
                return "the other documents of the folder are one entry each, and this one holds no questions"
        titles = [title for title in notes.questions if is_section_title(title)]
        if self._reading.shape == "auto" and titles and len(titles) * 2 > len(notes.questions):
            return (
                f"{len(titles)} of {len(notes.questions)} headings look like titles of sections, not like "
                f"questions: {quoted_names(titles, 5)}; --shape h2 (or h3 …) reads them all the same, "
                f"{notes.cure}"
            )
        if FORMATS[source.format].is_document and notes.share < _LEAST_USED:
            return (
                f"only {notes.share:.0%} of its text was used: {len(records)} entries "
                f"by {notes.shape or 'no shape'}, {notes.unused} of {notes.total} lines are left out "
                f"({'; '.join(notes.first_unused)}); "
                f"--allow-partial takes what was found, {notes.cure}"
            )
        return ""

    def _take(
        self,
        source: Source,
        report: FileReport,
        bad: Sequence[Bad],
        records: Sequence[_Seen],
    ) -> None:
        file = len(self.taken)
        self.taken.append(source)
        report.read = len(records) + sum(one.records for one in bad)
        report.bad = sum(one.records for one in bad)
        self.count += report.read
        self._bad_count += report.bad
        for one in bad:
            key = (one.collection, one.id) if one.collection and one.id else None
            self.bad.append(BadRecord(source.name, one.place, one.reason, one.field, key))
        for key, fingerprint, place, question, answer, latin in records:
            earlier = self.winners.get(key)
            if earlier:
                self.merged += 1
                if earlier.fingerprint != fingerprint or self._strict:
                    self._twice(key, earlier, source.name, place)
            self.winners[key] = Winner(self.position, fingerprint, file, place, question, answer, latin)
            self.position += 1

    def _twice(self, key: Key, earlier: Winner, file: str, place: str) -> None:
        collection, id_ = key
        first = f"{self.taken[earlier.file].name}, {earlier.place}"
        twice = f"id {id_} is used twice in collection {collection}: {first}, and {file}, {place}"
        if self._strict:
            raise BadFaqFile(twice)
        self.warnings.append(f"{twice}; the later one is used")

    def conflicts(self) -> list[str]:
        found = Conflicts()
        for (collection, _), winner in self.winners.items():
            where = f"{self.taken[winner.file].name}, {winner.place}"
            found.add(collection, winner.question, winner.answer, where)
        return found.warnings()

    def check(self, paths: Sequence[Path], sources: Sequence[Source]) -> None:
        """Raises BadFaqFile where what was found must not be published."""
        documents = [
            s
            for s in sources
            if s.inside is not None
            and FORMATS[s.format].is_document
            and not (s.needs_certainty or s.is_template)
        ]
        # drafts, and those that are front matter alone, have no questions to be found
        passed = {r.file for r in self.files if r.passed_over and not r.notes.skipped and not r.notes.empty}
        without = [s.name for s in documents if s.name in passed]
        others = [s for s in self.taken if not FORMATS[s.format].is_document]
        if len(without) * 2 > len(documents) + len(others) and not self._reading.allow_partial:
            why = next(report.passed_over for report in self.files if report.file == without[0])
            raise BadFaqFile(
                f"{len(without)} of {len(documents)} documents hold no questions that were found; the first "
                f"is {without[0]}: {why}; --allow-partial publishes the others"
            )
        for path in paths:
            below = [report for report in self.files if Path(report.file).is_relative_to(path)]
            if below and all(report.passed_over for report in below):
                told = f"; {below[0].file}: {below[0].passed_over}" if len(below) == 1 else ""
                raise BadFaqFile(f"{path}: no records{told}")
            if not below and not any(character in str(path) for character in "*?["):
                raise BadFaqFile(f"{path}: no records")
        if self._strict and (self.bad or self.failed):
            wrong = [f"{self._bad_count} records are wrong"] if self.bad else []
            wrong += [f"{len(self.failed)} files cannot be read"] if self.failed else []
            raise BadFaqFile(self._all_bad(f"{' and '.join(wrong)}, nothing was published:"))
        too_many = self._bad_count > 1 and self._bad_count > _MOST_BAD * self.count
        if too_many and not (self._reading.allow_partial and self.winners):
            share = f"{self._bad_count} of {self.count} records are wrong, which is more than {_MOST_BAD:.0%}"
            told = f"{share}; nothing was published (--allow-partial publishes the others):"
            raise BadFaqFile(self._all_bad(told))
        if self.bad and not self.winners:
            raise BadFaqFile(self._all_bad("every record is wrong, nothing was published:"))

    def _all_bad(self, said: str) -> str:
        named = [str(one) for one in self.bad[:_MOST_NAMED]] + list(self.failed)
        if len(self.bad) == 1 and not self.failed:
            return named[0]
        more = [f"and {len(self.bad) - _MOST_NAMED} more"] if len(self.bad) > _MOST_NAMED else []
        return "\n  ".join([said, *named, *more])


def fingerprint(entry: FaqEntry) -> bytes:
    return sha256(orjson.dumps(entry)).digest()[:16]
