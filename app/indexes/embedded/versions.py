"""The versions of an embedded index on disk, and which of them is current.

versions/<version>/     one version, complete and immutable
versions/.building-…    one being written, or left behind by a killed ingest
current                 the current version and, on a second line, the previous one
lock                    locked during an ingest; the system releases it when the process ends
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import IngestConflict

_BUILDING = ".building-"


@dataclass(frozen=True, slots=True)
class VersionFolders:
    """The directories of an index's versions. Every method may raise OSError."""

    root: Path

    def path_of(self, version: str) -> Path:
        return self.root / "versions" / version

    def listed(self) -> Sequence[str]:
        """The current version, then the previous one; empty when nothing was ever published."""
        try:
            return self._current.read_text("utf-8").split()
        except FileNotFoundError:
            return []

    def signature(self) -> tuple[int, int] | None:
        """Changes with the current version; cheap enough to call on every search."""
        try:
            status = self._current.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclusive lock for writing. Raises IngestConflict when another process holds it."""
        self.path_of("").mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IngestConflict("another ingest is running on this index; wait until it ends") from error
            yield

    def begin(self, version: str) -> Path:
        """A new folder to write a version into; removes the remains of killed ingests."""
        if self.path_of(version).exists():
            raise IngestConflict(f"version {version} exists already; try again")
        for left in self.path_of("").glob(f"{_BUILDING}*"):
            shutil.rmtree(left, ignore_errors=True)  # its writer may still be ending
        building = self.path_of(f"{_BUILDING}{version}")
        building.mkdir()
        return building

    def finish(self, building: Path) -> None:
        """Sync what was written to disk and rename it to its version. It is not current yet."""
        for folder, _, files in os.walk(building, topdown=False):
            for name in (*files, "."):
                _sync(Path(folder, name))
        building.rename(self.path_of(building.name.removeprefix(_BUILDING)))
        _sync(self.path_of(""))

    def switch(self, version: str) -> None:
        """Make a version the current one, atomically."""
        versions = [version, *self.listed()[:1]]
        new = self.root / "current.new"
        new.write_text("\n".join(versions), "utf-8")
        _sync(new)
        new.replace(self._current)
        _sync(self.root)

    def clean(self) -> None:
        """Remove all versions but the current and the previous one; the next ingest retries failures."""
        listed = self.listed()
        for found in self.path_of("").iterdir():
            if found.name not in listed:
                shutil.rmtree(found, ignore_errors=True)

    @property
    def _current(self) -> Path:
        return self.root / "current"


def size_of(folder: Path) -> int:
    """Total size of all files in it, in bytes."""
    return sum(found.stat().st_size for found in folder.rglob("*"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
