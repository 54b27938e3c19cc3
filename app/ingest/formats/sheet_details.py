"""What the library for workbooks does not tell of a sheet: links, number formats, hidden rows, and formulas
that were never calculated. Read off its XML, within limits."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import dirname, join, normpath
from typing import IO, BinaryIO, TypeVar

from app.errors import BadFaqFile
from app.ingest.archives import damage_told
from app.ingest.formats.number_formats import BUILT_IN, NumberFormat, number_format
from app.ingest.formats.office_xml import read_xml

MOST_CELLS = 5_000_000  # a sheet that says it is larger is refused before it is read
_MOST_KEPT = 200_000  # cells with a link or a format
_MOST_XML = 2**22  # bytes of what is read whole: styles, relations
_MOST_FORMULA = 4_000  # characters of one that are kept
_CELL = re.compile(r"([A-Z]{1,9})([0-9]{1,20})", re.IGNORECASE)
_HYPERLINK = re.compile(r"(?:_xlfn\.)?HYPERLINK\(\s*\"([^\"]{1,2000})\"", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)

Cell = tuple[int, int]  # row and column, from 0
T = TypeVar("T")


@dataclass
class SheetDetails:
    links: dict[Cell, str] = field(default_factory=dict)
    formats: dict[Cell, NumberFormat] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    not_calculated: set[Cell] = field(default_factory=set)


def sheet_details(file: BinaryIO) -> Mapping[str, SheetDetails]:
    """By the name of the sheet. Raises BadFaqFile, for cells too far apart among others: the library makes
    room for all cells up to the last."""
    found: dict[str, SheetDetails] = {}
    file.seek(0)
    with damage_told(), zipfile.ZipFile(file) as archive:
        members = {name.casefold(): name for name in archive.namelist()}
        named = _names(archive, members)
        formats = _formats(archive, members)
        for plain, name in members.items():
            if plain in named or (plain.startswith("xl/worksheets/") and plain.endswith(".xml")):
                targets = _relations(archive, members, plain)
                with archive.open(name) as sheet:
                    found[named.get(plain, name)] = _read(name, sheet, formats, targets)
    file.seek(0)
    return found


def _read(
    name: str, sheet: IO[bytes], formats: Mapping[str, NumberFormat], targets: Mapping[str, str]
) -> SheetDetails:
    reader = _SheetReader(name, formats, targets)
    read_xml(name, sheet, reader.start, reader.end, reader.text)
    return reader.found


class _SheetReader:
    """Follows the elements of one sheet."""

    def __init__(self, name: str, formats: Mapping[str, NumberFormat], targets: Mapping[str, str]) -> None:
        self.found = SheetDetails()
        self._name = name
        self._formats = formats
        self._targets = targets
        self._row = self._column = -1  # where a row or a cell names no place, it is the next one
        self._rows = self._columns = 0
        self._cell: Cell | None = None
        self._inside = ""  # `f` or `v`
        self._formula: str | None = None
        self._has_value = False

    def start(self, tag: str, given: Mapping[str, str]) -> None:
        match tag:
            case "c":
                self._begin_cell(given)
            case "f" | "v" if self._cell:
                self._inside = tag
                self._formula = "" if tag == "f" else self._formula
            case "row":
                number = given.get("r", "")
                self._row = int(number) - 1 if number.isdecimal() else self._row + 1
                self._column = -1
                if given.get("hidden") in ("1", "true"):
                    self.found.hidden_rows.add(self._row)
            case "hyperlink":
                target = self._targets.get(given.get("id", ""))
                if target and (cell := _position(given.get("ref", "").partition(":")[0])):
                    _keep(self.found.links, cell, target)

    def text(self, text: str) -> None:
        if self._inside == "f" and self._formula is not None and len(self._formula) < _MOST_FORMULA:
            self._formula += text
        elif self._inside == "v":
            self._has_value = True

    def end(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        elif tag == "c" and self._cell:
            if self._formula is not None and not self._has_value:
                self.found.not_calculated.add(self._cell)
            if self._formula and (link := _HYPERLINK.match(self._formula)):
                _keep(self.found.links, self._cell, link[1])
            self._cell = None

    def _begin_cell(self, given: Mapping[str, str]) -> None:
        reference = given.get("r")
        cell = _position(reference) if reference else (max(self._row, 0), self._column + 1)
        if cell is None:
            raise BadFaqFile(f"{self._name}: a cell is named {str(reference)[:20]!r}")
        self._cell, self._column = cell, cell[1]
        self._formula, self._has_value = None, False
        self._rows, self._columns = max(self._rows, cell[0] + 1), max(self._columns, cell[1] + 1)
        if self._rows * self._columns > MOST_CELLS:
            raise BadFaqFile(
                f"{self._name}: cells as far as row {self._rows:,}, column {self._columns:,}: "
                f"more than {MOST_CELLS:,}"
            )
        if shown := self._formats.get(given.get("s", "")):
            _keep(self.found.formats, cell, shown)


def _keep(into: dict[Cell, T], cell: Cell, value: T) -> None:
    if len(into) < _MOST_KEPT:
        into[cell] = value


def _position(reference: str) -> Cell | None:
    """`B3` is (2, 1)."""
    found = _CELL.fullmatch(reference)
    if not found:
        return None
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def _names(archive: zipfile.ZipFile, members: Mapping[str, str]) -> Mapping[str, str]:
    """Path of a sheet -> its name."""
    targets = _relations(archive, members, "xl/workbook.xml", external=False)
    found = {}
    for tag, given in _elements(archive, members, "xl/workbook.xml"):
        if tag == "sheet" and (target := targets.get(given.get("id", ""))):
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            found[path.casefold()] = given.get("name", "")
    return found


def _relations(
    archive: zipfile.ZipFile, members: Mapping[str, str], path: str, *, external: bool = True
) -> Mapping[str, str]:
    folder = dirname(path)
    listed = _elements(archive, members, f"{folder}/_rels/{path[len(folder) + 1 :]}.rels")
    return {
        given.get("Id", ""): given.get("Target", "")
        for tag, given in listed
        if tag == "Relationship" and (not external or _ADDRESS.fullmatch(given.get("Target", "")))
    }


def _formats(archive: zipfile.ZipFile, members: Mapping[str, str]) -> Mapping[str, NumberFormat]:
    """Number of a style, as cells have it -> its format, where it has one."""
    codes = dict(BUILT_IN)
    styles: list[str] = []
    inside = ""
    for tag, given in _elements(archive, members, "xl/styles.xml"):
        if tag in ("cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            inside = tag
        elif tag == "numFmt":
            codes[given.get("numFmtId", "")] = given.get("formatCode", "")
        elif tag == "xf" and inside == "cellXfs":
            styles.append(given.get("numFmtId", ""))
    shown = {str(number): number_format(codes.get(style, "")) for number, style in enumerate(styles)}
    return {number: one for number, one in shown.items() if one}


def _elements(
    archive: zipfile.ZipFile, members: Mapping[str, str], path: str
) -> Sequence[tuple[str, Mapping[str, str]]]:
    """The names and attributes of all elements; none where there is no such file."""
    found: list[tuple[str, Mapping[str, str]]] = []
    if name := members.get(path.casefold()):
        with archive.open(name) as file:
            read_xml(name, file, lambda tag, given: found.append((tag, given)), most=_MOST_XML)
    return found
