"""Tables: CSV in its dialects, and the rows of spreadsheets.

The dialect is the one under which a header row names a question and an answer. That decides better than
any statistics of the cells, which hold commas, semicolons and line breaks of their own.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from app.errors import BadFaqFile
from app.ingest.column_aliases import FIELDS, Names, plain_name, quoted_names
from app.ingest.formats.articles import is_draft
from app.ingest.formats.encoding import LONGEST_LINE
from app.ingest.formats.questions import asks
from app.ingest.records import Bad, Raw
from app.ingest.report import Notes

DELIMITERS = ",;\t|"
_SPOKEN = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon", "^": "caret"}
_MOST_TITLE_ROWS = 20
_HEAD_LINES = 200  # looked at for the dialect; a cell may span lines
_PROTECTED = re.compile(r'="[^\n]+"')
_MOST_NAMED = 200  # titles: whoever reads the report has to see which rows are no questions
_MOST_LINES_OF_A_CELL = 2_000


class Row(NamedTuple):
    """`cells` is None where the row is malformed; `lines` is how many it takes; `is_cut` where quotation
    marks are missing, so that the row below may be the rest of it."""

    place: str
    cells: Sequence[str] | None
    reason: str = ""
    lines: int = 1
    is_cut: bool = False


class Header(NamedTuple):
    names: Sequence[str]
    columns: dict[str, int]  # our field -> column
    position: int  # of the header row among the rows; -1: there is none


def names_columns(lines: Iterator[str], names: Names) -> bool:
    """Whether this is a table: its first filled row names a question and an answer, and nothing else, and
    the row below it has as many cells; a document may begin with such words, too."""
    head = list(islice(lines, _HEAD_LINES))
    first, given = _separator_line(head)
    rows = (list(_cells(csv_rows(head[first:], mark))) for mark in given or DELIMITERS)
    for table in rows:
        header, *below = [row for row in table if any(map(str.strip, row))][:2] or [[]]
        if _names_columns(header, names) and all(len(row) >= len(header) for row in below):
            return True
    return False


def _names_columns(row: Sequence[str], names: Names) -> bool:
    cells = [cell for cell in row if cell.strip()]
    chosen = names.choose(cells)
    return {"question", "answer"} <= chosen.keys() and all(plain_name(cell) for cell in cells)


def read_csv(lines: Iterator[str], names: Names, notes: Notes) -> Iterator[Raw | Bad]:
    """The records of a delimited file, whichever its delimiter."""
    head = list(islice(lines, _HEAD_LINES))
    first, given = _separator_line(head)
    delimiters = given or DELIMITERS
    found = [
        (header, mark)
        for mark in delimiters
        if (header := find_header(_cells(csv_rows(head[first:], mark, first + 1)), names))
    ]
    if not found:
        if any(line.strip() for line in head):
            raise BadFaqFile(_no_header(head[first:], delimiters, names))
        return
    header, mark = max(found, key=lambda one: (one[0].position >= 0, len(one[0].columns)))
    notes.shape = f"table, {_SPOKEN.get(mark, mark)}"
    escape = _escape(head[first:], mark)
    rows = csv_rows(chain(head[first:], lines), mark, first + 1, escape)
    yield from records_of(rows, header, notes)


def _escape(head: Sequence[str], delimiter: str) -> str | None:
    """A backslash, where quotation marks stand behind one, as databases write them, and not doubled."""
    if not any('\\"' in line for line in head):
        return None
    malformed = [
        sum(row.cells is None for row in csv_rows(head, delimiter, escape=escape)) for escape in (None, "\\")
    ]
    return "\\" if malformed[1] < malformed[0] else None


def csv_rows(
    lines: Iterable[str], delimiter: str, first_line: int = 1, escape: str | None = None
) -> Iterator[Row]:
    """Rows with the line each starts on; a malformed row is reported, and reading goes on after it."""
    csv.field_size_limit(LONGEST_LINE)  # ours are smaller, and name the field
    counted = _Counted(lines)
    rows = csv.reader(counted, delimiter=delimiter, escapechar=escape, strict=True)
    while True:
        start = counted.count
        try:
            cells = next(rows, None)
        except csv.Error as error:
            taken = counted.count - start
            open_quote = "unexpected end" in str(error)
            reason = "a quotation mark is opened here and never closed" if open_quote else str(error)
            yield Row(f"line {first_line + start}", None, f"malformed CSV: {reason}", taken, is_cut=True)
            continue
        if cells is None:
            return
        yield Row(f"line {first_line + start}", cells, lines=counted.count - start)


class _Counted:
    def __init__(self, lines: Iterable[str]) -> None:
        self.count = 0
        self._lines = iter(lines)

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.count += 1
        return line


def find_header(rows: Iterable[Sequence[str]], names: Names) -> Header | None:
    """The first row that names a question and an answer; titles may stand above it."""
    seen: list[Sequence[str]] = []
    for position, row in enumerate(islice(rows, _MOST_TITLE_ROWS)):
        cells = [" ".join(cell.split()) for cell in row]
        filled = [cell for cell in cells if cell]
        chosen = names.choose_columns(filled)
        if "question" in chosen and "answer" in chosen and chosen["question"] != chosen["answer"]:
            return Header(cells, {field: cells.index(chosen[field]) for field in chosen}, position)
        seen.append(row)
    return _without_header(seen)


def _without_header(rows: Sequence[Sequence[str]]) -> Header | None:
    """Two columns, the first of questions, speak for themselves."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not filled or any(len(row) != 2 for row in filled):
        return None
    asking = sum(asks(row[0]) for row in filled)
    if asking * 2 > len(filled):
        return Header(["question", "answer"], {"question": 0, "answer": 1}, -1)
    return None


def records_of(rows: Iterable[Row], header: Header, notes: Notes, section: str = "") -> Iterator[Raw | Bad]:
    """A record for each row below the header; rows without any text are skipped."""
    is_rest = False  # of the row above
    titles = _Titles(header, notes)
    for position, row in enumerate(rows):
        if position <= header.position:
            if position < header.position and any(map(str.strip, row.cells or ())):
                notes.leave_out(0, row.place, " ".join(row.cells or ()))
            continue
        if row.cells is None:
            is_rest = row.is_cut
            yield Bad(row.place, row.reason, records=max(1, row.lines))
            continue
        is_rest, was_rest = False, is_rest
        if was_rest and sum(cell.count('"') for cell in row.cells) % 2:
            yield Bad(row.place, "a quotation mark without its other one, below a malformed row")
            continue
        if not any(map(str.strip, row.cells)):
            continue
        cells = _unprotected(row.cells, header.columns.get("id"))
        if titles.take(row.place, cells):
            yield from titles.without_rows()
            continue
        beyond = [cell for cell in cells[len(header.names) :] if cell.strip()]
        if beyond and header.position >= 0:
            reason = f"{len(cells)} columns where the header has {len(header.names)}"
            yield Bad(row.place, f"{reason}; text that holds the delimiter needs quotes")
            continue
        if row.lines > _MOST_LINES_OF_A_CELL:
            reason = f"a row of {row.lines:,} lines: is a quotation mark missing?"
            yield Bad(row.place, reason, records=row.lines)
            continue
        if is_draft(dict(zip(header.names, cells, strict=False))):
            notes.skipped += 1
            yield Bad(row.place, "draft", records=0)
            continue
        fields: dict[str, object] = {
            field: cells[column] for field, column in header.columns.items() if column < len(cells)
        }
        for name, title in (*titles.above.items(), ("section", section)):
            if title and not str(fields.get(name, "")).strip():
                fields[name] = title
        yield Raw(fields, row.place, names={f: header.names[c] for f, c in header.columns.items()})
    yield from titles.without_rows(at_end=True)
    titles.tell()
    unused = [
        name for column, name in enumerate(header.names) if name and column not in header.columns.values()
    ]
    if unused:
        notes.warnings.append(f"unknown columns are ignored: {quoted_names(sorted(set(unused)))}")
    if header.position < 0:
        notes.warnings.append(
            "no header row: the first column was taken for the question, the second for the answer"
        )


class _Titles:
    """Rows that hold nothing but the name of a section, for all rows below: a category alone; or, where the
    table begins so, a title in the column of the questions. A question without an answer is none, nor is
    what has no rows below it; the first row may be the title of the whole table."""

    def __init__(self, header: Header, notes: Notes) -> None:
        self.above: dict[str, str] = {}
        self._columns = {column: name for name, column in header.columns.items()}
        self._notes = notes
        self._in_questions: bool | None = None
        self._taken: list[str] = []
        self._open: list[tuple[str, str]] = []  # (place, title) in the column of questions, without rows yet

    def take(self, place: str, cells: Sequence[str]) -> bool:
        filled = [
            (self._columns.get(column, ""), cell.strip()) for column, cell in enumerate(cells) if cell.strip()
        ]
        name, title = filled[0]
        alone = len(filled) == 1
        is_first = self._in_questions is None
        if is_first:
            self._in_questions = alone and name == "question" and not asks(title)
        if alone and name in ("collection", "section"):
            self.above[name] = title
        elif alone and name == "question" and self._in_questions and not asks(title):
            self.above["section"] = title
            self._open += [] if is_first else [(place, title)]
        else:
            self._open.clear()
            return False
        self._taken.append(title)
        return True

    def without_rows(self, *, at_end: bool = False) -> Iterator[Bad]:
        """Titles that turn out to be questions whose answer is missing: another one follows, or the end."""
        while len(self._open) > (not at_end):
            place, title = self._open.pop(0)
            self._taken.remove(title)
            yield Bad(place, "answer is missing, and no rows below make this a section", "answer")

    def tell(self) -> None:
        if self._taken:
            said = f"{len(self._taken)} rows with nothing but a title were taken for sections"
            self._notes.warnings.append(f"{said}: {quoted_names(self._taken, _MOST_NAMED)}")


def _unprotected(cells: Sequence[str], id_: int | None) -> Sequence[str]:
    """`="0123"` is how tables for Excel keep a text as it is: an id, or all texts of a row."""
    kept = [column for column, cell in enumerate(cells) if _PROTECTED.fullmatch(cell)]
    if not kept or (len(kept) == 1 and kept != [id_]):
        return cells
    return [cell[2:-1].replace('""', '"') if column in kept else cell for column, cell in enumerate(cells)]


def _separator_line(head: Sequence[str]) -> tuple[int, str]:
    """Excel's first line `sep=;`: how many lines to pass over, and the delimiter."""
    if head and (line := head[0].strip().strip('"')).lower().startswith("sep=") and len(line) == 5:
        return 1, line[4]
    if head and head[0].rstrip("\r\n").strip('"').lower() == "sep=\t":
        return 1, "\t"
    return 0, ""


def _cells(rows: Iterable[Row]) -> Iterator[Sequence[str]]:
    for row in rows:
        if row.cells is not None:
            yield row.cells


def _no_header(head: Sequence[str], delimiters: str, names: Names) -> str:
    """Which columns there are, under the delimiter that gives the most, and which are wanted."""
    rows = [
        next((r for r in _cells(csv_rows(head, mark)) if any(map(str.strip, r))), []) for mark in delimiters
    ]
    found = max(rows, key=len)
    return no_columns(found, names)


def no_columns(found: Sequence[str], names: Names) -> str:
    chosen = names.choose_columns([cell for cell in found if cell.strip()])
    missing = " and ".join(field for field in ("question", "answer") if field not in chosen)
    given = [cell.strip() for cell in found if cell.strip()]
    return (
        f"no column for {missing or 'question and answer'}; the columns are "
        f"{quoted_names(given) or 'empty'}. Name them {', '.join(FIELDS)}, "
        "or say which they are: --map question=NAME --map answer=NAME"
    )
