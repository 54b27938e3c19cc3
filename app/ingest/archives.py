"""Archives within limits: what they would unpack to is checked before anything is unpacked."""

import gzip
import io
import lzma
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, cast

from app.errors import BadFaqFile

MOST_UNPACKED = 2**30  # bytes, of an archive and of a .gz
MOST_OFFICE = 192 * 2**20  # bytes, of a workbook or document, which is read into memory
_MOST_MEMBERS = 20_000
_MOST_RATIO = 200  # text packs to a tenth; what packs better than this is a bomb
_DAMAGE = (
    *(EOFError, KeyError, ValueError, RuntimeError, struct.error),
    *(zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile),
    OSError,  # a seek to before the start of the file; damage under bzip2
    NotImplementedError,  # a compression method that zipfile does not know
)
_OLE = b"\xd0\xcf\x11\xe0"
_FREE = 8 * 2**20  # bytes that may pack as well as they like


class Closable(Protocol):
    def close(self) -> None: ...


@contextmanager
def damage_told() -> Iterator[None]:
    """Raises what a damaged archive causes as BadFaqFile."""
    try:
        yield
    except _DAMAGE as error:
        raise BadFaqFile(f"a damaged archive: {' '.join(str(error).split())[:80]}") from error


def members(file: BinaryIO, most: int = MOST_UNPACKED) -> Iterator[str]:
    """The names of a zip's files. Raises BadFaqFile where it is none, or breaks a limit."""
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except _DAMAGE as error:
        raise BadFaqFile("not a zip archive that can be read") from error
    if len(infos) > _MOST_MEMBERS:
        raise BadFaqFile(f"more than {_MOST_MEMBERS:,} files in one archive")
    if (size := sum(info.file_size for info in infos)) > most:
        raise BadFaqFile(f"unpacks to {size:,} bytes; the most is {most:,}")
    for info in infos:
        if info.file_size > _FREE and info.file_size > _MOST_RATIO * max(info.compress_size, 1):
            raise BadFaqFile(f"{info.filename[:80]!r} unpacks to more than {_MOST_RATIO} times its size")
    for info in infos:
        if not info.filename:
            raise BadFaqFile("a damaged archive: a file without a name")
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0:1]:
            raise BadFaqFile(f"{info.filename[:80]!r} would leave the archive")
        if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
            continue
        if info.flag_bits & 1:
            raise BadFaqFile(f"{info.filename[:80]!r} is encrypted")
        yield info.filename


def check_office(file: BinaryIO) -> None:
    """The same limits for a workbook or a document, before a library opens it. Raises BadFaqFile."""
    file.seek(0)
    begins = file.read(512)
    if begins.startswith(_OLE):
        raise BadFaqFile(
            "protected by a password, or in Office's old format: save it as .xlsx or .docx without a password"
        )
    if begins and not begins.startswith(b"PK") and b"\0" not in begins:
        raise BadFaqFile("a text, and no workbook or document: name it .csv, .tsv, .html or as what it is")
    file.seek(0)
    for _ in members(file, MOST_OFFICE):
        pass
    file.seek(0)


def open_member(path: BinaryIO, name: str) -> BinaryIO:
    """One file of a zip, unpacked as it is read. `path` is closed with it, and where this fails."""
    with ExitStack() as opened:
        opened.callback(path.close)
        with damage_told():
            archive = opened.enter_context(zipfile.ZipFile(path))
            file = _Errors(archive.open(name), archive, path)
        opened.pop_all()
    return file


def open_gzip(file: BinaryIO) -> BinaryIO:
    return _Errors(_Limited(gzip.GzipFile(fileobj=file), file), file)


class _Limited(io.RawIOBase):
    """A packed stream that stops at the limits: its size is only known at its end."""

    def __init__(self, unpacked: gzip.GzipFile, packed: BinaryIO) -> None:
        self._unpacked = unpacked
        self._packed = packed

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._unpacked.seek(offset, whence)

    def tell(self) -> int:
        return self._unpacked.tell()

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._unpacked.read(len(view))
        view[: len(data)] = data
        size = self._unpacked.tell()
        if size > MOST_UNPACKED:
            raise BadFaqFile(f"unpacks to more than {MOST_UNPACKED:,} bytes")
        if size > _FREE and size > _MOST_RATIO * max(self._packed.tell(), 1):
            raise BadFaqFile(f"unpacks to more than {_MOST_RATIO} times its size")
        return len(data)


class _Errors(io.BufferedReader):
    """Damage in an archive is a bad file, whoever reads it."""

    def __init__(self, raw: object, *owned: Closable) -> None:
        super().__init__(_Translated(raw, owned), buffer_size=2**16)


class _Translated(io.RawIOBase):
    """`owned` is closed with it."""

    def __init__(self, inner: object, owned: Sequence[Closable]) -> None:
        self._inner: io.RawIOBase = inner  # type: ignore[assignment]
        self._owned = owned

    def close(self) -> None:
        with ExitStack() as closing:  # all of them, whichever fails
            closing.callback(super().close)
            if not self.closed:
                for one in (*reversed(self._owned), self._inner):
                    closing.callback(one.close)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        with damage_told():  # it reads up to there
            return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        with damage_told():
            data = self._inner.read(len(view)) or b""
        view[: len(data)] = data
        return len(data)


def seekable(file: BinaryIO) -> BinaryIO:
    """A copy in a temporary file of what cannot be read at any place, such as a member of an archive."""
    with ExitStack() as opened:
        copy = cast(BinaryIO, opened.enter_context(tempfile.SpooledTemporaryFile(2**24)))
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        opened.pop_all()  # the caller closes it
    return copy
