"""`askd models pull|list|run|rm` with a real Ollama, which pulls from a registry of our own."""

import hashlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.shell import Settings, Shell
from tests.support.file_server import FileServer, file_server

pytestmark = pytest.mark.live

_PATIENCE = 60.0  # seconds


def layer(kind: str, content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": kind, "digest": digest, "size": len(content)}


@pytest.fixture
def name() -> str:
    return f"tiny-{uuid4().hex[:8]}"


@pytest.fixture
def registry(gguf: Path, name: str) -> Iterator[FileServer]:
    # Another digest than that of the model which the Ollama has already; llama.cpp reads over what follows.
    weights = gguf.read_bytes() + name.encode()
    config = json.dumps({"model_format": "gguf", "model_family": "llama", "file_type": "Q4_1"}).encode()
    layers = [
        (layer("application/vnd.ollama.image.model", weights), weights),
        (layer("application/vnd.docker.container.image.v1+json", config), config),
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": layers[1][0],
        "layers": [layers[0][0]],
    }
    files: dict[str, Any] = {f"/files/{told['digest']}": body for told, body in layers}
    # Ollama wants to be sent to another host, as its own registry does.
    files |= {f"/v2/library/{name}/blobs/{told['digest']}": f"/files/{told['digest']}" for told, _ in layers}
    with file_server(files | {f"/v2/library/{name}/manifests/latest": manifest}) as server:
        yield server


def test_pull_list_run_and_remove_do_what_ollamas_own_commands_do(
    registry: FileServer, name: str, ollama_url: str, tmp_path: Path
) -> None:
    askd, settings = Shell(tmp_path), {"ASKD_OLLAMA_URL": ollama_url}
    full = f"{registry.url.removeprefix('http://')}/library/{name}"
    _interrupted(askd, full, registry, settings)
    before = len(registry.asked)
    ended = askd("models", "pull", f"ollama:{full}", settings=settings)
    assert ended.out.endswith("is there\n")
    begins = [int(wanted[6:].partition("-")[0]) for _, wanted in registry.asked[before:] if wanted]
    assert max(begins) > 1_000_000  # it went on from where it was

    listed = askd("models", "list", "--json", settings=settings).json
    assert f"{full}:latest" in [model["name"] for model in listed]
    ran = askd(
        "models", "run", f"ollama:{full}", "Say hello.", settings={**settings, "ASKD_ANSWER_TOKENS": "16"}
    )
    assert ran.out.strip()
    askd("models", "rm", full, settings=settings)
    listed = askd("models", "list", "--json", settings=settings).json
    assert f"{full}:latest" not in [model["name"] for model in listed]


def _interrupted(askd: Shell, full: str, registry: FileServer, settings: Settings) -> None:
    """A pull that Ctrl-C ends, and Ollama's download with it."""
    registry.pause = 0.05
    process = askd.start("models", "pull", f"ollama:{full}", settings=settings)
    deadline = time.monotonic() + _PATIENCE
    while registry.sent < 20_000_000:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(_PATIENCE) == 130
    time.sleep(2.0)
    stopped_at = registry.sent
    time.sleep(1.0)
    assert registry.sent - stopped_at < 1_000_000
    registry.pause = 0.0


@pytest.mark.parametrize(
    ("model", "told"), [("no-such-model", "has no model"), ("127.0.0.1:9/library/x", "reaches its registry")]
)
def test_a_pull_that_fails_says_why(
    model: str, told: str, ollama_url: str, tmp_path: Path, registry: FileServer
) -> None:
    if model == "no-such-model":
        model = f"{registry.url.removeprefix('http://')}/library/{model}"
    settings = {"ASKD_OLLAMA_URL": ollama_url}
    assert told in Shell(tmp_path)("models", "pull", f"ollama:{model}", status=1, settings=settings).err
