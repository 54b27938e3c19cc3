"""What the library for workbooks does not tell of a sheet: links, number formats, hidden rows, and formulas
that were never calculated. Read off its XML, within limits."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from posixpath import dirname, join, normpath
from typing import IO, BinaryIO, TypeVar

from app.errors import BadFaqFile
from app.ingest.archives import damage_told
from app.ingest.formats.number_formats import BUILT_IN, NumberFormat, number_format

MOST_CELLS = 5_000_000  # a sheet that says it is larger is refused before it is read
_MOST_KEPT = 200_000  # cells with a link or a format
_MOST_XML = 2**22  # bytes of what is read whole: styles, relations
_PIECE, _OVERLAP = 2**18, 2**13
_ELEMENT = re.compile(
    rb"<(?:(?P<kind>c|row|hyperlink) (?P<attributes>[^>]*)>"
    rb"(?:<f(?:[^>]*/>|[^>]*>(?P<formula>[^<]{0,4000})</f>)(?P<empty><v\s*/>|<v></v>|</c>)?)?)"
)
_ATTRIBUTE = re.compile(rb"([\w:]+)=\"([^\"]*)\"")
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
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
            if plain.startswith("xl/worksheets/") and plain.endswith(".xml"):
                targets = _relations(archive, members, plain)
                with archive.open(name) as sheet:
                    found[named.get(plain, name)] = _read(name, sheet, formats, targets)
    file.seek(0)
    return found


def _read(
    name: str, sheet: IO[bytes], formats: Mapping[bytes, NumberFormat], targets: Mapping[str, str]
) -> SheetDetails:
    found = SheetDetails()
    rows = columns = 0
    rest = b""
    while piece := sheet.read(_PIECE):
        piece = rest + piece
        for element in _ELEMENT.finditer(piece):
            given = dict(_ATTRIBUTE.findall(element["attributes"]))
            if element["kind"] == b"row":
                if given.get(b"hidden") in (b"1", b"true") and (number := given.get(b"r", b"")).isdigit():
                    found.hidden_rows.add(int(number) - 1)
            elif element["kind"] == b"hyperlink":
                target = targets.get(_text(given.get(b"r:id", b"")))
                if target and (cell := _position(_text(given.get(b"ref", b"")).partition(":")[0])):
                    _keep(found.links, cell, target)
            elif cell := _position(_text(given.get(b"r", b""))):
                rows, columns = max(rows, cell[0] + 1), max(columns, cell[1] + 1)
                if shown := formats.get(given.get(b"s", b"")):
                    _keep(found.formats, cell, shown)
                if element["empty"] is not None:
                    found.not_calculated.add(cell)
                if element["formula"] and (link := _HYPERLINK.match(unescape(_text(element["formula"])))):
                    _keep(found.links, cell, link[1])
        if rows * columns > MOST_CELLS:
            raise BadFaqFile(
                f"{name}: cells as far as row {rows:,}, column {columns:,}: more than {MOST_CELLS:,}"
            )
        begins = piece.rfind(b"<c ")
        rest = piece[begins:] if len(piece) - begins < _OVERLAP else piece[-40:]
    return found


def _keep(into: dict[Cell, T], cell: Cell, value: T) -> None:
    if len(into) < _MOST_KEPT:
        into[cell] = value


def _position(reference: str) -> Cell | None:
    """`B3` is (2, 1)."""
    found = _CELL.fullmatch(reference)
    if not found:
        return None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1


def _names(archive: zipfile.ZipFile, members: Mapping[str, str]) -> Mapping[str, str]:
    """Path of a sheet -> its name."""
    targets = _relations(archive, members, "xl/workbook.xml", external=False)
    found = {}
    for given in _elements(archive, members, "xl/workbook.xml", b"sheet"):
        if target := targets.get(given.get("r:id", "")):
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            found[path.casefold()] = given.get("name", "")
    return found


def _relations(
    archive: zipfile.ZipFile, members: Mapping[str, str], path: str, *, external: bool = True
) -> Mapping[str, str]:
    folder = dirname(path)
    listed = _elements(archive, members, f"{folder}/_rels/{path[len(folder) + 1 :]}.rels", b"Relationship")
    return {
        given.get("Id", ""): given.get("Target", "")
        for given in listed
        if not external or _ADDRESS.fullmatch(given.get("Target", ""))
    }


def _formats(archive: zipfile.ZipFile, members: Mapping[str, str]) -> Mapping[bytes, NumberFormat]:
    """Number of a style, as cells have it -> its format, where it has one."""
    text = _whole(archive, members, "xl/styles.xml")
    codes = dict(BUILT_IN)
    for given in _attributes(text, b"numFmt"):
        codes[given.get("numFmtId", "")] = given.get("formatCode", "")
    styles = text.partition(b"<cellXfs")[2].partition(b"</cellXfs>")[0]
    found = {}
    for number, given in enumerate(_attributes(styles, b"xf")):
        if shown := number_format(codes.get(given.get("numFmtId", ""), "")):
            found[str(number).encode()] = shown
    return found


def _elements(
    archive: zipfile.ZipFile, members: Mapping[str, str], path: str, tag: bytes
) -> Iterator[dict[str, str]]:
    yield from _attributes(_whole(archive, members, path), tag)


def _attributes(xml: bytes, tag: bytes) -> Iterator[dict[str, str]]:
    for element in re.finditer(rb"<" + tag + rb" ([^>]*)>", xml):
        yield {_text(name): unescape(_text(value)) for name, value in _ATTRIBUTE.findall(element[1])}


def _whole(archive: zipfile.ZipFile, members: Mapping[str, str], path: str) -> bytes:
    name = members.get(path.casefold())
    if name is None:
        return b""
    with archive.open(name) as file:
        return file.read(_MOST_XML)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
