"""`askd` as its users run it: the installed command, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RLIMIT_FSIZE, setrlimit
from types import MappingProxyType
from typing import IO, Any

import httpx

ASKD = Path(sys.executable).with_name("askd")
_PATIENCE = 120.0  # seconds; for a machine with much else to do

Settings = Mapping[str, str | Path]
_NONE: Settings = MappingProxyType({})


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """What `--json` prints when it fails."""
        return json.loads(self.err)


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=_PATIENCE, trust_env=False)

    def post(self, path: str, body: Mapping[str, object]) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=_PATIENCE, trust_env=False)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (response := self.get("/readyz")).status_code != 200:
            assert time.monotonic() < deadline, response.text
            time.sleep(0.1)

    def stop(self, number: signal.Signals) -> int:
        """Its exit status; askd ends within seconds, whatever it is doing."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@dataclass(frozen=True)
class Shell:
    """Runs askd in `folder`, its data in `folder`/data, by words alone, with no settings but those given."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def __call__(
        self,
        *arguments: str | Path,
        status: int = 0,
        denied: bool = False,
        file_bytes: int | None = None,
        settings: Settings = _NONE,
    ) -> Ended:
        """Run to the end, which must be with `status` and never with a traceback.

        `denied`: what a file's mode forbids is forbidden to root, too. No file gets larger than `file_bytes`,
        as on a full disk.
        """
        done = subprocess.run(
            [*(_unprivileged() if denied else []), ASKD, *arguments],
            cwd=self.folder,
            env=self.environment(settings),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            preexec_fn=(lambda: setrlimit(RLIMIT_FSIZE, (limit, limit))) if (limit := file_bytes) else None,
        )
        assert "Traceback" not in done.stdout + done.stderr
        assert done.returncode == status, done
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(
        self,
        *arguments: str | Path,
        denied: bool = False,
        settings: Settings = _NONE,
        err: IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Run in the background; what it says goes nowhere or, its standard error, into `err`."""
        return subprocess.Popen(
            [*(_unprivileged() if denied else []), ASKD, *arguments],
            cwd=self.folder,
            env=self.environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=err or subprocess.DEVNULL,
            # As at a terminal, also where the tests run in the background of a script, which ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    @contextmanager
    def killed(
        self,
        *arguments: str | Path,
        denied: bool = False,
        settings: Settings = _NONE,
        err: IO[bytes] | None = None,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """As `start`, and `kill -9` at the end of the block unless it has ended."""
        process = self.start(*arguments, denied=denied, settings=settings, err=err)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def serving(self, settings: Settings = _NONE, *, denied: bool = False) -> Iterator[Server]:
        """`askd serve` on a free port, from when it listens; killed afterwards unless it has ended."""
        log = self.folder / "serve.log"
        with (
            log.open("wb") as opened,
            self.killed("serve", "--port", "0", denied=denied, settings=settings, err=opened) as process,
        ):
            yield Server(process, _address(process, log), log)

    def environment(self, settings: Settings = _NONE) -> dict[str, str]:
        given = {name: str(value) for name, value in settings.items()}
        here = {"HOME": str(self.folder), "ASKD_DATA_DIR": str(self.data), "ASKD_EMBEDDER": "none"}
        return {"PATH": os.environ["PATH"], **here, **given}


def _unprivileged() -> Sequence[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens: the first line of its log says so."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        first, _, more = log.read_text().partition("\n")
        if more:
            return f"http://127.0.0.1:{json.loads(first)['port']}"
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
