"""Reads FAQ files twice: once to check them, and once to yield the entries.

So nothing is written before everything was checked, and memory holds an id and some hashes for each
entry, never the entries.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.collecting import Collector, Key, Winner, fingerprint
from app.ingest.reading import Reading, read_records
from app.ingest.records import Bad
from app.ingest.report import BadRecord, FileReport, Notes
from app.ingest.source import Source
from app.ingest.sources import sources_of
from app.ranking.text import mostly_latin

_CHANGED = "the FAQ files changed while they were read; ingest them again"


@dataclass(frozen=True)
class Survey:
    """What the files contain, all of it checked. For a repeated id the later record wins."""

    read: int  # records in the files: published, merged, wrong and skipped ones
    merged: int  # records replaced by a later one of the same id, or equal to another
    collections: Mapping[str, int]  # name -> number of entries
    digest: str  # sha256 of the entries, whatever their order
    warnings: Sequence[str]
    files: Sequence[FileReport] = ()
    bad: Sequence[BadRecord] = ()
    failed: Sequence[str] = ()  # files of a folder that could not be read
    other_scripts: int = 0  # entries in another script than the Latin one
    _sources: Sequence[Source] = field(default=(), repr=False)
    _reading: Reading = field(default_factory=Reading, repr=False)
    _winners: Mapping[Key, Winner] = field(default_factory=dict, repr=False)
    _kept: Sequence[FaqEntry] = field(default=(), repr=False)

    @property
    def skipped(self) -> int:
        return sum(report.notes.skipped for report in self.files)

    @property
    def is_complete(self) -> bool:
        """Whether every record is published."""
        return not self.bad and not self.failed

    @property
    def wants_serving(self) -> bool:
        """Whether published entries may have to replace bad records."""
        return any(one.key for one in self.bad)

    def entries(self) -> Iterator[FaqEntry]:
        """Reads the files again and yields their entries, then the kept ones.

        Raises BadFaqFile when the files have changed since the survey.
        """
        missing = len(self._winners)
        position = -1
        for source in self._sources:
            for record in read_records(source, self._reading, Notes()):
                if isinstance(record, Bad):
                    continue
                position += 1
                entry = record.entry
                winner = self._winners.get(entry.key)
                if winner is None or position > winner.position:
                    raise BadFaqFile(_CHANGED)
                if position == winner.position:
                    if fingerprint(entry) != winner.fingerprint:
                        raise BadFaqFile(_CHANGED)
                    missing -= 1
                    yield entry
        if missing:
            raise BadFaqFile(_CHANGED)
        yield from self._kept

    def keeping(self, serving: Iterable[FaqEntry]) -> "Survey":
        """Adds the entries of the current version whose records in the files are bad."""
        wanted = {one.key for one in self.bad if one.key} - self._winners.keys()
        wanted -= {entry.key for entry in self._kept}
        kept = [entry for entry in serving if entry.key in wanted]
        if not kept:
            return self
        keys = {entry.key for entry in kept}
        bad = [replace(one, kept=one.key in keys) for one in self.bad]
        return replace(self, bad=bad, _kept=[*self._kept, *kept]).with_totals()

    def with_totals(self) -> "Survey":
        names = [name for name, _ in self._winners] + [entry.collection for entry in self._kept]
        prints = [winner.fingerprint for winner in self._winners.values()]
        prints += [fingerprint(entry) for entry in self._kept]
        return replace(
            self,
            collections=dict(sorted(Counter(names).items())),
            digest=sha256(b"".join(sorted(prints))).hexdigest(),
            other_scripts=sum(not winner.latin for winner in self._winners.values())
            + sum(not mostly_latin(entry.question) for entry in self._kept),
        )


def survey(
    paths: Sequence[Path],
    *,
    collection: str | None,
    strict: bool,
    kept: Iterable[FaqEntry] = (),
    progress: Callable[[int], None] = lambda more: None,
    reading: Reading | None = None,
) -> Survey:
    """Read and check all files; `progress` is called with the number of records read since its last call.

    `collection` labels records that name none. Of `kept`, the entries of another index version, go
    on those whose collection the files do not hold. Raises BadFaqFile where a file cannot be read or
    too little of it was used, and where more than a tenth of the records are wrong; `strict`: at any
    wrong record, and where an id comes twice.
    """
    reading = replace(reading or Reading(), collection=collection)
    reader = Collector(reading, strict, progress)
    sources = sources_of(paths, reading.format, reader.warnings.append)
    for source in sources:
        reader.read(source)
    reader.check(paths, sources)
    given = {name for name, _ in reader.winners}
    found = Survey(
        read=reader.count,
        merged=reader.merged,
        collections={},
        digest="",
        warnings=[*reader.warnings, *reader.conflicts()],
        files=reader.files,
        bad=reader.bad,
        failed=reader.failed,
        _sources=reader.taken,
        _reading=reading,
        _winners=reader.winners,
        _kept=[entry for entry in kept if entry.collection not in given],
    )
    return found.with_totals()
