"""Three real Elasticsearch nodes on loopback, to be killed and brought back."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from platformdirs import user_cache_path

from tests.support.checkout import ROOT

_SCRIPT = ROOT / "tools" / "ci" / "elasticsearch"
_PATIENCE = 150.0  # seconds; for a machine with much else to do


@dataclass
class Node:
    folder: Path
    port: int
    transport_ports: Sequence[int]  # of all nodes, its own first
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return f"askd-tests-{self.transport_ports[0]}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        ports = ",".join(map(str, self.transport_ports))
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [_SCRIPT, "run", _installed(), str(self.port), self.folder, ports],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its launcher and the server are killed together
            )

    def kill(self) -> None:
        """`kill -9`, with everything that it started."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def get(self, path: str) -> httpx.Response | None:
        """None while it does not answer."""
        try:
            return httpx.get(self.url + path, timeout=10, trust_env=False)
        except httpx.HTTPError:
            return None

    def wait_for(self, health: str) -> None:
        """Returns once `_cluster/health?HEALTH` holds as this node sees it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            answer = self.get(f"/_cluster/health?{health}&timeout=1s")
            if answer is not None and answer.status_code == 200 and not answer.json()["timed_out"]:
                return
            assert self.process is not None
            assert self.process.poll() is None, self._last_words()
            assert time.monotonic() < deadline, self._last_words()
            time.sleep(0.2)

    def _last_words(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]


@dataclass(frozen=True)
class Cluster:
    nodes: Sequence[Node]

    @property
    def urls(self) -> str:
        """As ASKD_ELASTICSEARCH_URL takes them."""
        return ",".join(node.url for node in self.nodes)

    def get(self, path: str) -> Any:
        """JSON of the first node that answers."""
        for node in self.nodes:
            answer = node.get(path)
            if answer is not None and answer.status_code == 200:
                return answer.json()
        raise AssertionError("no node answers")

    @property
    def master(self) -> Node:
        (elected,) = self.get("/_cat/master?format=json")
        return next(node for node in self.nodes if node.name == elected["node"])


@contextmanager
def running_cluster(folder: Path, size: int = 3) -> Iterator[Cluster]:
    http, transport = _free_ports(size), _free_ports(size)
    nodes = [
        Node(folder / f"node-{number}", http[number], transport[number:] + transport[:number])
        for number in range(size)
    ]
    with ExitStack() as started:
        for node in nodes:
            started.callback(node.kill)
            node.start()
        for node in nodes:
            node.wait_for(f"wait_for_nodes={size}")
        yield Cluster(nodes)


def _installed() -> Path:
    """Where `tools/ci/services install elasticsearch` has put it."""
    version = next(line for line in _SCRIPT.read_text().splitlines() if line.startswith("version="))
    return (
        user_cache_path("askd", appauthor=False) / "services" / f"elasticsearch-{version.partition('=')[2]}"
    )


def _free_ports(number: int) -> list[int]:
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]
