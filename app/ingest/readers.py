"""Reads FAQ files record by record: however long a file is, it takes little memory."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO, NamedTuple

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.json_records import read_json, read_json_lines
from app.ingest.markdown import read_markdown
from app.ingest.records import Raw, entry_of

_LONGEST_LINE = 16 * 2**20  # bytes: a whole group of the course's form may stand on one line
_MOST_UNKNOWN_KEYS = 10


class Record(NamedTuple):
    """An entry and where it stands: "faq.json, record 12"."""

    entry: FaqEntry
    where: str


def read(path: Path, *, collection: str | None, warn: Callable[[str], None]) -> Iterator[Record]:
    """The records of a file, or of all Markdown files below a directory, sorted by name.

    `collection` labels records that name none; Markdown falls back to the file's name. Raises
    BadFaqFile at the first record that is wrong, or when there is none.
    """
    empty = True
    try:
        for file in _files(path):
            records = _records(file, collection, warn)
            if first := next(records, None):
                empty = False
                yield first
                yield from records
            elif file != path:
                warn(f"{file}: no questions; a question is a ## or ### heading with text below it")
    except OSError as error:
        raise BadFaqFile(f"{error.filename or path}: {error.strerror}") from error
    if empty:
        raise BadFaqFile(f"{path}: no records")


def _files(path: Path) -> Sequence[Path]:
    if not S_ISDIR(path.stat().st_mode):  # unlike is_dir(), says why a path cannot be read
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in _MARKDOWN and file.is_file())


def _records(file: Path, collection: str | None, warn: Callable[[str], None]) -> Iterator[Record]:
    suffix = file.suffix.lower()
    if suffix not in _READERS:
        raise BadFaqFile(f"{file}: not a FAQ file; askd reads {', '.join(_READERS)} and Markdown folders")
    if suffix in _MARKDOWN:
        collection = collection or file.stem
    unknown: set[str] = set()
    with file.open("rb") as opened:
        try:
            for raw in _READERS[suffix](opened):
                if len(unknown) <= _MOST_UNKNOWN_KEYS:
                    unknown |= raw.unknown
                yield Record(entry_of(raw, collection=collection), f"{file}, {raw.place}")
        except BadFaqFile as error:
            raise BadFaqFile(f"{file}, {error}") from error
    if unknown:
        warn(f"{file}: unknown keys are ignored: {_listed(unknown)}")


def _listed(keys: set[str]) -> str:
    # repr, cut short: a key is anything, and this goes to a terminal
    named = [repr(key[:40]) for key in sorted(keys)]
    more = ["…"] if len(named) > _MOST_UNKNOWN_KEYS else []
    return ", ".join(named[:_MOST_UNKNOWN_KEYS] + more)


# --- lines: JSONL, CSV, Markdown ---------------------------------------------------------------


def text_lines(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE + 1), b""), 1):
        if len(line) > _LONGEST_LINE:
            raise BadFaqFile(f"line {number}: longer than {_LONGEST_LINE:,} bytes")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadFaqFile(f"line {number}: not UTF-8 ({error.reason})") from error
        yield text


def read_csv(lines: Iterable[str]) -> Iterator[Raw]:
    """A header row that names the fields, then a record a row; empty rows are skipped."""
    csv.field_size_limit(_LONGEST_LINE)  # ours are smaller, and name the field
    rows = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        start = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise BadFaqFile(f"line {start}: malformed CSV: {error}") from error
        if row is None:
            return
        if not any(map(str.strip, row)):
            continue
        if header is None:
            header = _checked_header([name.strip() for name in row], start)
        elif len(row) != len(header):
            raise BadFaqFile(f"line {start}: {len(row)} columns where the header has {len(header)}")
        else:
            yield Raw(dict(zip(header, row, strict=True)), f"line {start}")


def _checked_header(names: list[str], line: int) -> list[str]:
    if "question" not in names:
        raise BadFaqFile(
            f"line {line}: the header names no column question (columns are separated by commas)"
        )
    if len(set(names)) < len(names):
        raise BadFaqFile(f"line {line}: the header names a column twice")
    return names


_MARKDOWN = {".md", ".markdown"}
_READERS: dict[str, Callable[[BinaryIO], Iterator[Raw]]] = {
    ".json": read_json,
    ".jsonl": lambda file: read_json_lines(text_lines(file)),
    ".ndjson": lambda file: read_json_lines(text_lines(file)),
    ".csv": lambda file: read_csv(text_lines(file)),
    ".md": lambda file: read_markdown(text_lines(file)),
    ".markdown": lambda file: read_markdown(text_lines(file)),
}
