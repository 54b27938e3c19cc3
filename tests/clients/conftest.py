"""What the tests of clients share: a running askd, and how a client's program is run."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.cli.shell import Server, Shell
from tests.support.faq import FAQ

PROGRAMS = Path(__file__).with_name("programs")
_SECONDS = 120  # a program may have to be compiled, on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Over the FAQ, without a model."""
    askd = Shell(tmp_path_factory.mktemp("askd"))
    faq = askd.folder / "faq.json"
    faq.write_text(json.dumps([asdict(entry) for entry in FAQ]), "utf-8")
    askd("ingest", faq)
    with askd.serving() as server:
        yield server


def run(*command: str | Path, sent: bytes | None = None) -> str:
    """What it prints; it must end well."""
    ended = subprocess.run(command, input=sent, capture_output=True, timeout=_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


@pytest.fixture(scope="session")
def python() -> Path:
    """Of an environment with the clients of OpenAI's API."""
    return python_with("clients")


def python_with(requirements: str) -> Path:
    """Of an environment with what requirements/NAME.txt lists, kept beside the servers that tests install."""
    file = Path("requirements") / f"{requirements}.txt"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(file.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache / "askd" / f"{requirements}-{digest}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([python, *install, "-r", file], check=True)
        complete.touch()
    return python
