"""Bakes models for Ollama into a folder: blobs that were checked, manifests, licences and a NOTICE; no key.

A local Ollama fetches or makes them in a work folder beside that one, where a broken download is taken up
again the next time. Only what is whole and checked is then moved, its manifest last.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGE = "ollama/ollama:0.34.4"  # runs where there is no ollama on this machine
LICENCE_LAYER = "application/vnd.ollama.image.license"
MODEL_LAYER = "application/vnd.ollama.image.model"


@dataclass(frozen=True)
class Pinned:
    """A model whose weights are known."""

    digest: str
    size: int  # bytes
    terms: str


PINNED = {
    "gemma:2b": Pinned(
        "sha256:c1864a5eb19305c40519da12cc543519e48a0697ecd30e15d5ac228644957d12",
        1_678_447_520,
        "Gemma Terms of Use, https://ai.google.dev/gemma/terms, with the Prohibited Use Policy they name",
    )
}


class BakeError(Exception):
    """Told in one line."""


def main() -> None:
    asked = _arguments()
    into: Path = asked.into
    work = into.with_name(f"{into.name}.work")
    try:
        if asked.from_gguf:
            _say_what_it_takes(asked.name, asked.from_gguf.stat().st_size)
            _bake_file(asked, into, work)
        else:
            for model in asked.models or ["gemma:2b"]:
                known = PINNED.get(model)
                _say_what_it_takes(model, known.size if known else None)
                _bake_pulled(model, into, work)
    except BakeError as error:
        raise SystemExit(f"bake-models: {error}") from error
    except OSError as error:
        raise SystemExit(f"bake-models: {error.filename or ''}: {error.strerror or error}") from error
    shutil.rmtree(work)
    print(f"baked into {into}: {', '.join(_baked(into))}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bake-models", description=__doc__)
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="as `ollama pull` takes it; default gemma:2b"
    )
    parser.add_argument("--from-gguf", type=Path, metavar="FILE", help="weights that are here already")
    parser.add_argument("--name", help="what the model of --from-gguf is to be called, e.g. gemma:2b")
    parser.add_argument("--sha256", help="of the file of --from-gguf: another one is refused")
    parser.add_argument("--licence", type=Path, metavar="FILE", help="the licence of the file of --from-gguf")
    parser.add_argument("--into", type=Path, default=Path("ollama_files"), help="default: ollama_files")
    asked = parser.parse_args()
    if asked.from_gguf and (asked.models or not asked.name):
        parser.error("--from-gguf takes one file and its --name, and no MODEL")
    if not asked.from_gguf and (asked.name or asked.sha256 or asked.licence):
        parser.error("--name, --sha256 and --licence belong to --from-gguf")
    return asked


def _say_what_it_takes(model: str, size: int | None) -> None:
    if size is None:
        print(f"{model}: its size shows while it is pulled; it needs that much disk, and more memory")
        return
    memory = size * 1.2 + 300e6  # context and buffers at num_ctx 2048, about
    print(f"{model}: {size / 1e9:.2f} GB in the image, about {memory / 1e9:.1f} GB of memory to run")


# --- baking --------------------------------------------------------------------------------------


def _bake_pulled(model: str, into: Path, work: Path) -> None:
    with _ollama(work) as server:
        last = ""
        for event in server.stream("/api/pull", {"model": model}, f"{model} could not be pulled"):
            total, done = event.get("total"), event.get("completed", 0)
            now = f"{event['status']} {done * 100 // total} %" if total else event["status"]
            if now != last:
                print(f"  {now}", flush=True)
            last = now
    _take_over(model, into, work, source="pulled by Ollama")


def _bake_file(asked: argparse.Namespace, into: Path, work: Path) -> None:
    digest = _sha256(asked.from_gguf)
    if asked.sha256 and digest != asked.sha256.lower().removeprefix("sha256:"):
        raise BakeError(f"{asked.from_gguf} has the sha256 {digest}, not {asked.sha256}")
    licence = asked.licence.read_text() if asked.licence else ""
    with _ollama(work) as server:
        server.upload(asked.from_gguf, digest)
        body = {"model": asked.name, "files": {asked.from_gguf.name: f"sha256:{digest}"}}
        body |= {"license": licence} if licence else {}
        for _ in server.stream("/api/create", body, f"Ollama cannot use {asked.from_gguf}"):
            pass
    source = f"made from {asked.from_gguf.name}, sha256 {digest}"
    _take_over(asked.name, into, work, source=source, own=True)


def _take_over(model: str, into: Path, work: Path, *, source: str, own: bool = False) -> None:
    """From the work folder into the baked one: checked, and the manifest last."""
    place = _manifest_path(model)
    manifest = json.loads((work / "models" / place).read_text())
    layers = [manifest["config"], *manifest["layers"]]
    for layer in layers:
        _check_blob(work / "models" / _blob_path(layer["digest"]), layer)
    known = None if own else PINNED.get(model)
    weights = {layer["digest"] for layer in layers if layer["mediaType"] == MODEL_LAYER}
    if known and weights != {known.digest}:
        raise BakeError(f"{model} is not the one that is pinned: its weights are {', '.join(weights)}")

    _write_papers(model, into, work, layers, source, known)
    for layer in layers:
        _move(work / "models" / _blob_path(layer["digest"]), into / "models" / _blob_path(layer["digest"]))
    _move(work / "models" / place, into / "models" / place)
    (into / "MODELS").write_text("".join(f"{name}\n" for name in _baked(into)))


def _check_blob(path: Path, layer: dict[str, Any]) -> None:
    if path.stat().st_size != layer["size"] or f"sha256:{_sha256(path)}" != layer["digest"]:
        path.unlink()  # or the next run would trust it again
        raise BakeError(f"the blob {layer['digest']} is damaged; run this again to fetch it anew")


def _write_papers(
    model: str, into: Path, work: Path, layers: list[dict[str, Any]], source: str, known: Pinned | None
) -> None:
    """The licences that came with it, and what NOTICE says of it."""
    name = model.replace("/", "_").replace(":", "-")
    folder = into / "licences"
    folder.mkdir(parents=True, exist_ok=True)
    texts = [
        (work / "models" / _blob_path(layer["digest"])).read_text()
        for layer in layers
        if layer["mediaType"] == LICENCE_LAYER
    ]
    if texts:
        (folder / f"{name}.txt").write_text("\n\n".join(texts))
    terms = known.terms if known else f"licences/{name}.txt" if texts else "not told: ask where it came from"
    papers = into / "notices"
    papers.mkdir(exist_ok=True)
    (papers / name).write_text(f"{model}: {source}\n  terms: {terms}\n")
    notices = "".join(path.read_text() for path in sorted(papers.iterdir()))
    (into / "NOTICE").write_text(f"This image holds models that have terms of their own.\n\n{notices}")


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.link(source, target)  # the work folder keeps its own until all is done


def _baked(into: Path) -> list[str]:
    library = into / "models" / "manifests"
    names = []
    for path in sorted(library.rglob("*")):
        if path.is_file():
            *place, model, tag = path.relative_to(library).parts
            own = place[1:] if place[1:] != ["library"] else []
            names.append("/".join([*own, f"{model}:{tag}"]))
    return names


def _manifest_path(model: str) -> Path:
    name, _, tag = model.partition(":")
    name = name if "/" in name else f"library/{name}"
    return Path("manifests") / "registry.ollama.ai" / name / (tag or "latest")


def _blob_path(digest: str) -> Path:
    return Path("blobs") / digest.replace(":", "-")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- a local Ollama ------------------------------------------------------------------------------


class Server:
    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def stream(self, path: str, body: dict[str, Any], failure: str) -> Iterator[dict[str, Any]]:
        """Raises BakeError, which begins with `failure`, where an event tells of an error."""
        request = urllib.request.Request(f"{self._url}{path}", data=json.dumps(body).encode())
        try:
            with self._opener.open(request) as lines:
                for line in lines:
                    event = json.loads(line)
                    if "error" in event:
                        raise BakeError(f"{failure}: {event['error']}")
                    yield event
        except urllib.error.HTTPError as error:
            raise BakeError(f"Ollama says no: {error.read().decode()}") from error

    def upload(self, path: Path, digest: str) -> None:
        with path.open("rb") as file:
            request = urllib.request.Request(
                f"{self._url}/api/blobs/sha256:{digest}",
                data=file,
                method="POST",
                headers={"Content-Length": str(path.stat().st_size)},
            )
            self._opener.open(request).close()

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            self._opener.open(f"{self._url}/api/version", timeout=2).close()
            return True
        return False


@contextlib.contextmanager
def _ollama(work: Path) -> Iterator[Server]:
    """One with the work folder's models and a home of its own, which takes its key with it."""
    (work / "models").mkdir(parents=True, exist_ok=True)
    # Of a run that was broken off: Ollama would take them for whole, and refuse them for ever.
    for blob in (work / "models" / "blobs").glob("sha256-*"):
        if "-partial" not in blob.name and blob.name != f"sha256-{_sha256(blob)}":
            blob.unlink()
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as started:
        binary = _binary()
        if binary:
            port = started.enter_context(_local(binary, work, Path(home)))
        elif shutil.which("docker"):
            port = started.enter_context(_contained(work))
        else:
            raise BakeError("needs Ollama or Docker on this machine")
        server = Server(port)
        for _ in range(300):
            if server.answers():
                break
            time.sleep(0.1)
        else:
            raise BakeError("Ollama did not start")
        yield server


def _binary() -> str | None:
    return os.environ.get("OLLAMA_BIN") or shutil.which("ollama")


@contextlib.contextmanager
def _local(binary: str, work: Path, home: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environment = {
        **os.environ,
        "HOME": str(home),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str((work / "models").resolve()),
        "OLLAMA_NOPRUNE": "1",
    }
    process = subprocess.Popen(
        [binary, "serve"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def _contained(work: Path) -> Iterator[int]:
    run = ["docker", "run", "--rm", "--detach", "--publish=127.0.0.1::11434", "--tmpfs=/tmp"]
    run += [f"--user={os.getuid()}:{os.getgid()}", "--env=HOME=/tmp", "--env=OLLAMA_MODELS=/models"]
    run += ["--env=OLLAMA_NOPRUNE=1", f"--volume={(work / 'models').resolve()}:/models", IMAGE]
    container = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    try:
        published = subprocess.run(
            ["docker", "port", container, "11434/tcp"], check=True, capture_output=True, text=True
        )
        yield int(published.stdout.split()[0].rpartition(":")[2])
    finally:
        subprocess.run(["docker", "stop", container], capture_output=True)


if __name__ == "__main__":
    # Ctrl-C and SIGTERM end Ollama, too; what was fetched so far stays in the work folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
