"""The Docker engine, by its command: what Docker's users type, and the tests see what they see."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def docker(*arguments: str | Path) -> str:
    """What the command prints; the test fails with its last words when it fails."""
    return _output("docker", *arguments)


def inspect(name: str) -> dict[str, Any]:
    """An image or a container, as the engine describes it."""
    (described,) = json.loads(docker("inspect", name))
    assert isinstance(described, dict)
    return described


def build_image(tag: str, *options: str) -> None:
    """askd's image; seconds where its layers are here."""
    _output(ROOT / "scripts" / "lib" / "image", tag, "--quiet", *options)


def _output(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stderr[-4000:]}"
    return done.stdout
