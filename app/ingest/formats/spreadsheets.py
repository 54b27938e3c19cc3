"""Excel workbooks: each sheet is a table, its name the section of the records that name none."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from app.errors import BadFaqFile
from app.ingest.column_aliases import Names
from app.ingest.formats.number_formats import NumberFormat
from app.ingest.formats.sheet_details import MOST_CELLS, SheetDetails, sheet_details
from app.ingest.formats.tables import Header, Row, find_header, no_columns, records_of
from app.ingest.records import Bad, Raw
from app.ingest.report import Notes

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_MOST_TITLE_ROWS = 20
_NOT_CALCULATED = (
    "a formula that was saved without its result: open the workbook in a spreadsheet program and save it"
)
_LONGEST_LINK = 100  # characters of a text that is a link as a whole


def read_workbook(file: BinaryIO, names: Names, notes: Notes) -> Iterator[Raw | Bad]:
    """The records of all sheets; sheets without a question column are reported. Raises BadFaqFile."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    details = sheet_details(file)
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
        if sheet.total_height * sheet.total_width > MOST_CELLS:
            raise BadFaqFile(f"sheet {name!r}: more than {MOST_CELLS:,} cells")
        about = details.get(name, SheetDetails())
        head = list(islice(_rows(sheet, name, about), _MOST_TITLE_ROWS))
        header = find_header((row.cells or () for row in head), names)
        filled = next((row.cells for row in head if row.cells and any(row.cells)), None)
        if header:
            taken += 1
            _tell(name, about, notes)
            section = "" if _is_default(name) else name
            yield from records_of(_rows(sheet, name, about, header), header, notes, section)
        elif filled:
            without.append((name, filled))
            notes.warnings.append(f"sheet {name!r} is left out: no column for question and answer")
    if without and not taken:
        name, filled = without[0]
        raise BadFaqFile(f"sheet {name!r}: {no_columns(filled, names)}")
    notes.shape = f"workbook, {taken} of {len(workbook.sheet_names)} sheets"


def _rows(
    sheet: "CalamineSheet", name: str, about: SheetDetails, header: Header | None = None
) -> Iterator[Row]:
    top, left = sheet.start or (0, 0)
    begins = _merged(sheet, left)
    open_cells: dict[int, tuple[int, str]] = {}  # column -> the last row it spans, and its text
    for number, row in enumerate(sheet.iter_rows(), top):
        cells = [_cell(value, about.formats.get((number, column))) for column, value in enumerate(row, left)]
        if header:
            _link(
                cells,
                {column: about.links.get((number, left + column)) for column in range(len(cells))},
                header,
            )
        if any(map(str.strip, cells)):  # an empty row stays empty, to be skipped
            for column, (last, text) in open_cells.items():
                if number <= last:
                    cells[column] = cells[column] or text
        for column, last in begins.get(number, ()):
            if column < len(cells):
                open_cells[column] = last, cells[column]
        place = f"sheet {name!r}, row {number + 1}"
        if header and any(
            (number, left + column) in about.not_calculated for column in header.columns.values()
        ):
            yield Row(place, None, _NOT_CALCULATED)
        else:
            yield Row(place, cells)


def _link(cells: list[str], links: Mapping[int, str | None], header: Header) -> None:
    """Puts the links of cells into their text: where the column is one of addresses, in its place."""
    for column, link in links.items():
        text = cells[column].strip()
        if not link or not text or link in text:
            continue
        if column == header.columns.get("url"):
            cells[column] = link
        elif column == header.columns.get("answer"):
            short = len(text) <= _LONGEST_LINK and not set(text) & set("[]\n")
            cells[column] = f"[{text}]({link})" if short else f"{text}\n\n<{link}>"


def _tell(name: str, about: SheetDetails, notes: Notes) -> None:
    if about.hidden_rows:
        notes.warnings.append(
            f"sheet {name!r}: {len(about.hidden_rows)} rows that the workbook hides are read, too"
        )


def _merged(sheet: "CalamineSheet", left: int) -> Mapping[int, Sequence[tuple[int, int]]]:
    """Cells of a column that were merged: the first one's text is that of all of them. By its row, each
    one's column and last row. What is merged across columns alone stays in its first."""
    begins: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in sheet.merged_cell_ranges or ():
        if last > first and column >= left:
            begins.setdefault(first, []).append((column - left, last))
    return begins


def _cell(value: object, shown: NumberFormat | None) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float() | int() if shown:
            return shown.shown(value)
        case float() if value.is_integer():
            return str(int(value))
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime():
            return value.isoformat(" ", "seconds" if value.second else "minutes")
        case dt.time():
            return value.isoformat("seconds" if value.second else "minutes")
        case dt.date():
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
