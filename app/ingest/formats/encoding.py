"""Text out of bytes: by its mark, as UTF-8, or by the Windows code page it was most likely written in."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from app.errors import BadFaqFile
from app.ingest.formats.latin_pages import latin_page
from app.ingest.report import Notes

LONGEST_LINE = 16 * 2**20  # characters
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODE_PAGES = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r"),
    *("cp932", "gb18030", "big5", "cp949"),
]
_PIECE = 2**16
_MOST_SAMPLED = 2**15  # bytes of the lines that are not ASCII: guessing costs a time for each code page
_MIXED = "askd-windows-1252"


def _from_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_MIXED, _from_windows)


def text_of(file: BinaryIO, given: str | None, notes: Notes) -> io.TextIOWrapper:
    """The file as text, line ends as they are; `given` is an encoding the user names. Raises BadFaqFile."""
    encoding, errors = (given, "strict") if given else _found(file, notes)
    file.seek(0)
    try:
        return io.TextIOWrapper(file, encoding, errors, newline="")
    except LookupError as error:
        raise BadFaqFile(f"unknown encoding {given!r}; for example utf-8, cp1252, cp1251, utf-16") from error


def lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """Line by line, ends included. Raises BadFaqFile with the line at what is no text."""
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(LONGEST_LINE + 1)
        except UnicodeError as error:
            raise BadFaqFile(f"line {number}: not {text.encoding.upper()} ({_reason(error)})") from error
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise BadFaqFile(f"line {number}: longer than {LONGEST_LINE:,} characters")
        yield line


def _reason(error: UnicodeError) -> str:
    return error.reason if isinstance(error, UnicodeDecodeError) else "the byte order mark is missing"


def _found(file: BinaryIO, notes: Notes) -> tuple[str, str]:
    """(encoding, what to do with bytes that are none of it)"""
    head = file.read(1024)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, "strict"
    if head.count(0) > len(head) // 4:  # UTF-16 without its mark: every other byte of Latin text is null
        encoding = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        notes.warnings.append(f"read as {encoding.upper()}; if that is wrong, give --encoding NAME")
        return encoding, "strict"
    file.seek(0)
    valid, invalid, sample = _looked_through(file)
    if not invalid:
        return "utf-8", "strict"
    if valid > 3 * invalid:
        notes.warnings.append(
            f"{invalid} characters are not UTF-8 as the rest is; they were read as windows-1252"
        )
        return "utf-8", _MIXED
    encoding = latin_page(sample) or _guessed(sample)
    shown = encoding.replace("cp125", "windows-125")
    notes.warnings.append(f"not UTF-8: read as {shown}; if that is wrong, give --encoding NAME")
    return encoding, "replace"


def _looked_through(file: BinaryIO) -> tuple[int, int, bytes]:
    """How many pieces are UTF-8 beyond ASCII, how many bytes are not, and lines that are not ASCII."""
    valid = invalid = 0
    sample = bytearray()
    rest = b""
    while piece := file.read(_PIECE):
        piece = rest + piece
        cut = piece.rfind(b"\n") + 1 or len(piece)
        piece, rest = piece[:cut], piece[cut : cut + _PIECE]
        if not piece.isascii():
            valid, invalid = _counted(piece, valid, invalid, sample)
    if not rest.isascii():
        valid, invalid = _counted(rest, valid, invalid, sample)
    return valid, invalid, bytes(sample)


def _counted(piece: bytes, valid: int, invalid: int, sample: bytearray) -> tuple[int, int]:
    for line in piece.splitlines(keepends=True):
        if line.isascii():
            continue
        if len(sample) < _MOST_SAMPLED:
            sample += line[:_MOST_SAMPLED]
        try:
            valid += len(line) - len(line.decode())
        except UnicodeDecodeError:
            text = line.decode("utf-8", "surrogateescape")
            bad = sum("\ud800" <= character <= "\udfff" for character in text)
            invalid += bad
            valid += len(line) - len(text)
    return valid, invalid


def _guessed(sample: bytes) -> str:
    from charset_normalizer import from_bytes  # takes its time to import, and few files need it

    found = from_bytes(sample, cp_isolation=_CODE_PAGES, threshold=0.4)
    best = found.best()
    if best is None or str(best) == sample.decode("cp1252", "replace"):
        return "cp1252"
    for other in found:  # the most common one, unless another is clearly better
        close = other.coherence >= best.coherence - 0.05 and other.chaos <= best.chaos + 0.1
        if other.encoding == "cp1252" and close:
            return "cp1252"
    return best.encoding
