"""What came of each question, kept in a file: a comparison that was interrupted goes on where it was."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
from pydantic import TypeAdapter, ValidationError

from app.domain import Origin, Status
from app.errors import BadSettings
from app.evaluation.comparison.timed import Generation
from app.evaluation.questions import Case

# Row and question; whether the entries that answer it were removed.
Key = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Record:
    """What came when a question was put to a row; `row` and `case` are digests. Times in milliseconds."""

    row: str
    case: str
    removed: bool
    status: Status | None  # None: the model failed
    text: str
    origin: Origin | None
    right: bool  # a mark points at an entry that answers
    passed: bool  # answered, and no sentence was taken back
    asked_model: bool
    first_text: float | None  # None: there was no text
    whole: float
    generations: Sequence[Generation]
    load_average: float  # of the machine, at the end
    memory: int | None  # bytes, the most so far; None: unknown
    joules: float | None

    @property
    def key(self) -> Key:
        return self.row, self.case, self.removed


_RECORD = TypeAdapter(Record)
_BEGINNING = b'{"row":'  # of each line


def digest(*parts: object) -> str:
    return hashlib.sha256(orjson.dumps(parts, default=str)).hexdigest()[:24]


def case_digest(case: Case) -> str:
    return digest(case.text, case.collection, sorted(case.gold))


class Records:
    """The records of a file, one a line; `add` appends one, which counts instead of an earlier one.

    `afresh`: those that are in the file already do not count.
    """

    def __init__(self, file: BinaryIO, *, afresh: bool = False) -> None:
        self._file = file
        self._found: dict[Key, Record] = {}
        file.seek(0)
        for line in () if afresh else file:
            try:
                record = _RECORD.validate_json(line)
            except ValidationError:  # a process that was killed wrote half a line; or another version
                continue
            self._found[record.key] = record
        self._ends_in_a_line = _last_byte(file) == b"\n"

    def __contains__(self, key: Key) -> bool:
        return key in self._found

    def of(self, row: str, case: str, *, removed: bool) -> Record | None:
        return self._found.get((row, case, removed))

    def add(self, record: Record) -> None:
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        self._file.write(line if self._ends_in_a_line else b"\n" + line)
        self._file.flush()
        self._ends_in_a_line = True
        self._found[record.key] = record


@contextmanager
def open_records(path: Path, *, afresh: bool) -> Iterator[Records]:
    """Raises BadSettings, also where the file holds something else."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise BadSettings(f"cannot write {path}: {error.strerror}") from error
    with file:
        file.seek(0)
        if not _BEGINNING.startswith(file.read(len(_BEGINNING))):  # shorter where a process was killed
            raise BadSettings(f"{path} holds no answers of a comparison: name another file with --results")
        yield Records(file, afresh=afresh)


def _last_byte(file: BinaryIO) -> bytes:
    """A line break where there is none."""
    if not file.seek(0, os.SEEK_END):
        return b"\n"
    file.seek(-1, os.SEEK_END)
    return file.read(1)
