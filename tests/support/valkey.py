"""A real server of what replicas share: Debian's redis-server (tools/ci/valkey installs it)."""

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import valkey.asyncio


@dataclass
class ValkeyServer:
    """Keeps nothing on disk: killed and started again it is empty."""

    port: int
    folder: Path
    password: str | None = None
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> "valkey.asyncio.Valkey":
        return valkey.asyncio.Valkey(
            host="127.0.0.1", port=self.port, password=self.password, socket_timeout=5
        )

    async def start(self) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is missing: tools/ci/valkey installs it"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        options += ["--requirepass", self.password] if self.password else []
        with (self.folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(program, *options, stdout=log, stderr=log)
        async with self.client() as client:
            for _ in range(100):
                try:
                    await client.ping()
                    return
                except (OSError, valkey.exceptions.ConnectionError):
                    await asyncio.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    async def kill(self) -> None:
        await self._signalled(signal.SIGKILL)

    def hang(self) -> None:
        """It takes connections and calls, and answers none, until it `goes_on`."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    async def _signalled(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()


@asynccontextmanager
async def valkey_server(password: str | None = None) -> AsyncIterator[ValkeyServer]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with TemporaryDirectory(prefix="askd-valkey-") as folder:
        server = ValkeyServer(port, Path(folder), password)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()
