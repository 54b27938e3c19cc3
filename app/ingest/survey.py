"""Reads FAQ files twice: once to know that all is right, and once to hand the entries out.

So nothing is written before everything was checked, and memory holds an id and a hash for each entry,
never the entries.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.readers import Record, read

_REPORT_EVERY = 500  # records
_CHANGED = "the FAQ files changed while they were read; ingest them again"


class _Winner(NamedTuple):
    """The last record of its id."""

    position: int  # among all records of all files
    fingerprint: bytes
    where: str


@dataclass(frozen=True)
class Survey:
    """What the files hold, all of it checked. Where an id comes twice the later record wins."""

    read: int  # records in the files, the overruled ones too
    collections: Mapping[str, int]  # name -> number of entries
    digest: str  # sha256 of the entries, whatever their order
    warnings: Sequence[str]
    _paths: Sequence[Path] = field(repr=False)
    _collection: str | None = field(repr=False)
    _winners: Mapping[tuple[str, str], _Winner] = field(repr=False)
    _kept: Sequence[FaqEntry] = field(repr=False)

    def entries(self) -> Iterator[FaqEntry]:
        """Reads the files again: their entries as they come, then what is kept.

        Raises BadFaqFile when the files are no longer what they were.
        """
        missing = len(self._winners)
        for position, record in enumerate(_read_all(self._paths, self._collection, _ignore)):
            winner = self._winners.get(record.entry.key)
            if winner is None or position > winner.position:
                raise BadFaqFile(_CHANGED)
            if position == winner.position:
                if _fingerprint(record.entry) != winner.fingerprint:
                    raise BadFaqFile(_CHANGED)
                missing -= 1
                yield record.entry
        if missing:
            raise BadFaqFile(_CHANGED)
        yield from self._kept


def survey(
    paths: Sequence[Path],
    *,
    collection: str | None,
    strict: bool,
    kept: Iterable[FaqEntry] = (),
    progress: Callable[[int], None] = lambda more: None,
) -> Survey:
    """Read and check all files; `progress` is told how many further records were read.

    `collection` labels records that name none. Of `kept`, the entries of another index version, go
    on those whose collection the files do not hold. Raises BadFaqFile at the first record that is
    wrong; `strict`: also where an id comes twice.
    """
    winners: dict[tuple[str, str], _Winner] = {}
    warnings: list[str] = []
    count = 0
    for record in _telling(progress, _read_all(paths, collection, warnings.append)):
        if earlier := winners.get(record.entry.key):
            twice = _comes_twice(record, earlier)
            if strict:
                raise BadFaqFile(twice)
            warnings.append(f"{twice}; the later one is used")
        winners[record.entry.key] = _Winner(count, _fingerprint(record.entry), record.where)
        count += 1
    given = {name for name, _ in winners}
    carried = [entry for entry in kept if entry.collection not in given]
    names = [name for name, _ in winners] + [entry.collection for entry in carried]
    prints = [winner.fingerprint for winner in winners.values()] + [_fingerprint(entry) for entry in carried]
    return Survey(
        read=count,
        collections=dict(sorted(Counter(names).items())),
        digest=sha256(b"".join(sorted(prints))).hexdigest(),
        warnings=warnings,
        _paths=paths,
        _collection=collection,
        _winners=winners,
        _kept=carried,
    )


def _read_all(paths: Sequence[Path], collection: str | None, warn: Callable[[str], None]) -> Iterator[Record]:
    for path in paths:
        yield from read(path, collection=collection, warn=warn)


def _telling(progress: Callable[[int], None], records: Iterable[Record]) -> Iterator[Record]:
    untold = 0
    for record in records:
        yield record
        untold += 1
        if untold == _REPORT_EVERY:
            progress(untold)
            untold = 0
    progress(untold)


def _comes_twice(record: Record, earlier: _Winner) -> str:
    collection, id_ = record.entry.key
    return f"id {id_} is used twice in collection {collection}: {earlier.where}, and {record.where}"


def _fingerprint(entry: FaqEntry) -> bytes:
    return sha256(orjson.dumps(entry)).digest()[:16]


def _ignore(warning: str) -> None:
    """The first reading told it."""
