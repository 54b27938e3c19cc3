"""The compose stack under a name, port and folder of its own, so that a user's own one is left alone."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.stack.engine import docker, inspect
from tests.support.checkout import ROOT, files

SERVICES = ("askd", "elasticsearch", "ollama")
ONE_SHOTS = ("setup", "ingest")


def checkout(into: Path) -> Path:
    """What a user has after `git clone`: the tracked files, as they are now."""
    for path in files():
        copy = into / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    return into


@dataclass(frozen=True)
class Stack:
    """`scripts/…` in a checkout; every command fails the test with its last words when it fails."""

    folder: Path
    port: int
    name: str = "askd-tests"
    settings: Mapping[str, str] = field(default_factory=dict)  # of scripts/up

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, name: str, *arguments: str, **more: str) -> str:
        done = self.try_script(name, *arguments, **more)
        assert done.returncode == 0, f"scripts/{name}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def try_script(self, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        own = {"COMPOSE_PROJECT_NAME": self.name, "ASKD_PORT": str(self.port), **self.settings}
        return subprocess.run(
            [self.folder / "scripts" / name, *arguments],
            cwd=self.folder,
            env={**os.environ, **own, **more},
            capture_output=True,
            text=True,
        )

    def container(self, service: str) -> str:
        """Its id, also when it has ended."""
        (found,) = self.containers(service)
        return found

    def containers(self, service: str) -> Sequence[str]:
        """The ids of all its replicas."""
        labels = (
            f"--filter=label=com.docker.compose.project={self.name}",
            f"--filter=label=com.docker.compose.service={service}",
        )
        return docker("ps", "--all", "--quiet", "--no-trunc", *labels).split()

    def pid(self, service: str) -> int:
        """On this machine; 0 while it does not run."""
        return int(inspect(self.container(service))["State"]["Pid"])

    def wait_until_healthy(self, service: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while inspect(self.container(service))["State"]["Health"]["Status"] != "healthy":
            assert time.monotonic() < deadline, f"{service} is not healthy"
            time.sleep(0.5)

    def post(self, path: str, body: dict[str, Any], timeout: float = 60) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=timeout, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=30, trust_env=False)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
