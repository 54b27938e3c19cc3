"""Archives within limits: what they would unpack to is checked before anything is unpacked."""

import gzip
import io
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, cast

from app.errors import BadFaqFile

MOST_UNPACKED = 2**30  # bytes, of an archive and of a .gz
MOST_OFFICE = 192 * 2**20  # bytes, of a workbook or document, which is read into memory
_MOST_MEMBERS = 20_000
_MOST_RATIO = 200  # text packs to a tenth; what packs better than this is a bomb
_DAMAGE = (
    *(EOFError, KeyError, ValueError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError),
    NotImplementedError,  # a way of packing that zipfile does not know
)
_FREE = 8 * 2**20  # bytes that may pack as well as they like


class Closable(Protocol):
    def close(self) -> None: ...


@contextmanager
def damage_told() -> Iterator[None]:
    """What a damaged archive raises, as BadFaqFile."""
    try:
        yield
    except _DAMAGE as error:
        raise BadFaqFile(f"a damaged archive: {' '.join(str(error).split())[:80]}") from error


def members(file: BinaryIO, most: int = MOST_UNPACKED) -> Iterator[str]:
    """The names of a zip's files. Raises BadFaqFile where it is none, or breaks a limit."""
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadFaqFile("not a zip archive that can be read") from error
    if len(infos) > _MOST_MEMBERS:
        raise BadFaqFile(f"more than {_MOST_MEMBERS:,} files in one archive")
    if (size := sum(info.file_size for info in infos)) > most:
        raise BadFaqFile(f"unpacks to {size:,} bytes; the most is {most:,}")
    for info in infos:
        if info.file_size > _FREE and info.file_size > _MOST_RATIO * max(info.compress_size, 1):
            raise BadFaqFile(f"{info.filename[:80]!r} unpacks to more than {_MOST_RATIO} times its size")
    for info in infos:
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
    for _ in members(file, MOST_OFFICE):
        pass
    file.seek(0)


def open_member(path: BinaryIO, name: str) -> BinaryIO:
    """One file of a zip, unpacked into memory or a file as it is read."""
    try:
        with damage_told():
            archive = zipfile.ZipFile(path)
            return _Errors(archive.open(name), archive, path)
    except BadFaqFile:
        path.close()
        raise


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
        if not self.closed:
            self._inner.close()
            for one in self._owned:
                one.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
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
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(2**24))  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(file, copy)
    copy.seek(0)
    return copy
