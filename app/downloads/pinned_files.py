"""Files known by their digests: downloaded once, verified, and moved into place atomically.

The sources are pip, Maven and the model hub, each with its own client, which knows the user's proxies,
mirrors and certificates. A download library (pooch) would add another HTTP client and no lock.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import DownloadFailed

_STEP = 0.2  # seconds between two looks at a download


class WrongFile(DownloadFailed):
    """What came has another digest."""


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """Its source does not matter once its digest is right."""

    file: str
    sha256: str
    size: int

    def is_in(self, directory: Path) -> bool:
        """Whether the file is present, complete and unaltered."""
        path = directory / self.file
        return path.is_file() and path.stat().st_size == self.size and sha256_of(path) == self.sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ensure_files(
    files: Sequence[PinnedFile], directory: Path, fetch: Callable[[Path], None], *, resume: bool = False
) -> None:
    """Make sure that `files` are in `directory`; if not, `fetch` downloads them into the folder it is given.

    Several processes may do so at once: one downloads, the others wait. `resume`: what `fetch` left in its
    folder when it failed is there the next time. Raises DownloadFailed.
    """
    try:
        if _all_in(directory, files):
            return
        directory.mkdir(parents=True, exist_ok=True)
        with _locked(directory):
            if not _all_in(directory, files):  # no other process downloaded them meanwhile
                with _kept_folder(directory, files) if resume else _temporary_folder() as folder:
                    fetch(folder)
                    _put(files, folder, directory)
    except (DownloadFailed, OSError, ValueError, zipfile.BadZipFile) as error:
        names = " and ".join(file.file for file in files)
        pins = " and ".join(f"{file.file} (sha256 {file.sha256})" for file in files)
        raise DownloadFailed(
            f"{names} could not be fetched: {error}. Without a network, put {pins} into {directory} by hand"
        ) from error


def run_client(command: Sequence[str], folder: Path, size: int, progress: Callable[[int], None]) -> None:
    """Run a command that downloads about `size` bytes into `folder`.

    `progress` gets the bytes since its last call. Raises DownloadFailed with the last words of the command.
    """
    # Temporary files go to the folder, too: the progress is read from their sizes.
    environment = {**os.environ, "TMPDIR": str(folder)}
    seen = 0
    with (folder / "fetch.log").open("w+", encoding="utf-8", errors="replace") as log:
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:  # noqa: S603
            while not _ended(process):
                now = min(_largest_file(folder), size)
                progress(max(0, now - seen))
                seen = max(seen, now)
        if process.returncode != 0:
            progress(-seen)  # another source may start over
            log.seek(0)
            said = " ".join(log.read().split()[-40:])
            raise DownloadFailed(said or f"{command[0]} ended with status {process.returncode}")
    progress(size - seen)


def unpack(archive: Path, member: str, target: Path) -> None:
    """Raises ValueError, unless exactly one file of the archive, in whatever folder, is called `member`."""
    with zipfile.ZipFile(archive) as packed:
        (name,) = (name for name in packed.namelist() if name.rpartition("/")[2] == member)
        with packed.open(name) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _all_in(directory: Path, files: Sequence[PinnedFile]) -> bool:
    return all(file.is_in(directory) for file in files)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="askd-pull-") as folder:
        yield Path(folder)


@contextmanager
def _kept_folder(directory: Path, files: Sequence[PinnedFile]) -> Iterator[Path]:
    """Removed once all went well, and where a digest was wrong: going on would not mend that.

    Named by the first digest: a file goes on with its own bytes alone, whatever others are called.
    """
    folder = directory / f".partial-{files[0].sha256[:16]}"
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    except WrongFile:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Waits until no other process downloads into it."""
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _put(files: Sequence[PinnedFile], folder: Path, directory: Path) -> None:
    for file in files:
        if not file.is_in(folder):
            raise WrongFile(f"what came does not hold the file that askd was made for: {file.file}")
    for file in files:
        # In the same directory first: a move across file systems copies, and is not atomic.
        part = directory / f"{file.file}.part"
        shutil.move(folder / file.file, part)
        part.replace(directory / file.file)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STEP)
    return process.returncode is not None


def _largest_file(folder: Path) -> int:
    with suppress(FileNotFoundError):  # files are moved about
        return max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0)
    return 0
