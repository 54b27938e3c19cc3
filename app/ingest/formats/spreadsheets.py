"""Excel workbooks: each sheet is a table, its name the section of the records that name none."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, BinaryIO

from app.errors import BadFaqFile
from app.ingest.archives import damage_told
from app.ingest.column_aliases import Names
from app.ingest.formats.tables import Row, find_header, no_columns, records_of
from app.ingest.records import Bad, Raw
from app.ingest.report import Notes

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_MOST_TITLE_ROWS = 20
_CELL = re.compile(rb"<c [^>]*?\br=\"([A-Z]{1,3})(\d{1,7})\"")
_MOST_CELLS = 5_000_000  # a sheet that says it is larger is refused before it is read


def read_workbook(file: BinaryIO, names: Names, notes: Notes) -> Iterator[Raw | Bad]:
    """The records of all sheets; sheets without a question column are reported. Raises BadFaqFile."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    _refuse_far_cells(file)
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        shown = [one.name for one in workbook.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
    except (CalamineError, OSError, ValueError) as error:
        raise BadFaqFile(f"not a workbook that can be read: {_short(error)}") from error
    for name in workbook.sheet_names:
        if name not in shown:
            notes.warnings.append(f"sheet {name!r} is hidden in the workbook and left out")
    if workbook.sheet_names and not shown:
        raise BadFaqFile("all sheets of the workbook are hidden: show the one with the questions")
    taken, without = 0, []
    for name in shown:
        try:
            sheet = workbook.get_sheet_by_name(name)
        except (CalamineError, OSError, ValueError) as error:
            raise BadFaqFile(f"sheet {name!r}: cannot be read: {_short(error)}") from error
        if sheet.total_height * sheet.total_width > _MOST_CELLS:
            raise BadFaqFile(f"sheet {name!r}: more than {_MOST_CELLS:,} cells")
        head = list(islice(_rows(sheet, name), _MOST_TITLE_ROWS))
        header = find_header((row.cells or () for row in head), names)
        filled = next((row.cells for row in head if row.cells and any(row.cells)), None)
        if header:
            taken += 1
            section = "" if _is_default(name) else name
            yield from records_of(_rows(sheet, name), header, notes, section)
        elif filled:
            without.append((name, filled))
            notes.warnings.append(f"sheet {name!r} is left out: no column for question and answer")
    if without and not taken:
        name, filled = without[0]
        raise BadFaqFile(f"sheet {name!r}: {no_columns(filled, names)}")
    notes.shape = f"workbook, {taken} of {len(workbook.sheet_names)} sheets"


def _refuse_far_cells(file: BinaryIO) -> None:
    """The library makes room for all cells up to the last: two cells far apart would fill the memory."""
    file.seek(0)
    with damage_told(), zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as sheet:
                    _check_sheet(name, sheet)
    file.seek(0)


def _check_sheet(name: str, sheet: IO[bytes]) -> None:
    rows = columns = 0
    rest = b""
    while piece := sheet.read(2**18):
        for column, row in _CELL.findall(rest + piece):
            rows = max(rows, int(row))
            columns = max(columns, _number(column))
        rest = piece[-40:]
        if rows * columns > _MOST_CELLS:
            raise BadFaqFile(
                f"{name}: cells as far as row {rows:,}, column {columns:,}: more than {_MOST_CELLS:,}"
            )


def _number(column: bytes) -> int:
    """`A` is 1, `AA` is 27."""
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number


def _rows(sheet: "CalamineSheet", name: str) -> Iterator[Row]:
    top, left = sheet.start or (0, 0)
    begins = _merged(sheet, left)
    open_cells: dict[int, tuple[int, str]] = {}  # column -> the last row it spans, and its text
    for number, row in enumerate(sheet.iter_rows(), top):
        cells = [_cell(value) for value in row]
        if any(map(str.strip, cells)):  # an empty row stays empty, to be skipped
            for column, (last, text) in open_cells.items():
                if number <= last:
                    cells[column] = cells[column] or text
        for column, last in begins.get(number, ()):
            if column < len(cells):
                open_cells[column] = last, cells[column]
        yield Row(f"sheet {name!r}, row {number + 1}", cells)


def _merged(sheet: "CalamineSheet", left: int) -> Mapping[int, Sequence[tuple[int, int]]]:
    """Cells of a column that were merged: the first one's text is that of all of them. By its row, each
    one's column and last row. What is merged across columns alone stays in its first."""
    begins: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in sheet.merged_cell_ranges or ():
        if last > first and column >= left:
            begins.setdefault(first, []).append((column - left, last))
    return begins


def _cell(value: object) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer():
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime():
            return value.isoformat(" ")
        case dt.date() | dt.time():
            return value.isoformat()
    return str(value)


def _is_default(name: str) -> bool:
    """Excel's own names say nothing of the records."""
    word = name.rstrip("0123456789 ").casefold()
    return word in {
        "sheet",
        "tabelle",
        "hoja",
        "feuil",
        "feuille",
        "foglio",
        "planilha",
        "blad",
        "arkusz",
        "лист",
    }


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
