"""The versions of an embedded index on disk, and which of them serves.

versions/<version>/     one version, complete and never changed
versions/.building-…    one being written, or left behind by a killed ingest
current                 the version that serves and, on a second line, the one that did before
lock                    locked while an ingest writes; the system frees it when its holder dies
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
    """Raises OSError like everything that touches files."""

    root: Path

    def path_of(self, version: str) -> Path:
        return self.root / "versions" / version

    def served(self) -> Sequence[str]:
        """The version that serves, then the one before it; empty when nothing was ever published."""
        try:
            return self._current.read_text("utf-8").split()
        except FileNotFoundError:
            return []

    def signature(self) -> tuple[int, int] | None:
        """Changes when another version is switched to; cheap enough to ask on every search."""
        try:
            status = self._current.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    @contextmanager
    def locked(self) -> Iterator[None]:
        """For writing: one at a time. Raises IngestConflict."""
        self.path_of("").mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IngestConflict("another ingest is at work on this index; wait until it ends") from error
            yield

    def begin(self, version: str) -> Path:
        """An empty folder to write a version into; clears what killed ingests left."""
        if self.path_of(version).exists():
            raise IngestConflict(f"version {version} exists already; try again")
        for left in self.path_of("").glob(f"{_BUILDING}*"):
            shutil.rmtree(left, ignore_errors=True)  # its writer may not be quite dead
        building = self.path_of(f"{_BUILDING}{version}")
        building.mkdir()
        return building

    def finish(self, building: Path) -> None:
        """Make what was written a version, on disk for certain. It does not serve yet."""
        for folder, _, files in os.walk(building, topdown=False):
            for name in (*files, "."):
                _sync(Path(folder, name))
        building.rename(self.path_of(building.name.removeprefix(_BUILDING)))
        _sync(self.path_of(""))

    def switch(self, version: str) -> None:
        """Let a version serve, in one step."""
        served = [version, *(self.served()[:1])]
        new = self.root / "current.new"
        new.write_text("\n".join(served), "utf-8")
        _sync(new)
        new.replace(self._current)
        _sync(self.root)

    def clean(self) -> None:
        """Remove every version but the one that serves and the one before it; what resists, a next time."""
        served = self.served()
        for found in self.path_of("").iterdir():
            if found.name not in served:
                shutil.rmtree(found, ignore_errors=True)

    @property
    def _current(self) -> Path:
        return self.root / "current"


def size_of(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(found.stat().st_size for found in folder.rglob("*"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
