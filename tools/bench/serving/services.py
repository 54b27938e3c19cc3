"""The services, each a process on a core of its own, in front of the stubs."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from tools.bench.serving.load import Caller
from tools.bench.serving.stubs import MODEL

SERVER_CORE, LOAD_CORE = 0, 1
_START_SECONDS = 60


@dataclass(frozen=True)
class Service:
    name: str
    url: str
    pid: int

    def memory_bytes(self) -> int:
        """Resident."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Servers(Protocol):
    """What the services stand in front of: stubs, or real ones."""

    @property
    def elasticsearch_url(self) -> str: ...

    @property
    def ollama_url(self) -> str: ...


@asynccontextmanager
async def askd(
    stubs: Servers, settings: Mapping[str, str] | None = None, *, answering: bool = True
) -> AsyncIterator[Service]:
    """Embedder off and no answers kept, unless `settings` say otherwise.

    Once it answers; or, not `answering`, once it listens: with a real model an answer may take minutes.
    """
    port = free_port()
    with TemporaryDirectory() as data:
        environment = {
            "ASKD_ELASTICSEARCH_URL": stubs.elasticsearch_url,
            "ASKD_OLLAMA_URL": stubs.ollama_url,
            "ASKD_MODEL": MODEL,
            "ASKD_EMBEDDER": "none",
            "ASKD_CACHE_ENTRIES": "0",
            "ASKD_DATA_DIR": data,
            "ASKD_PORT": str(port),
            "ASKD_LOG_LEVEL": "warning",
            **(settings or {}),
        }
        command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
        async with _process("askd", command, environment, port, answering) as service:
            yield service


@asynccontextmanager
async def tutorial(
    stubs: Servers, settings: Mapping[str, str] | None = None, *, answering: bool = True
) -> AsyncIterator[Service]:
    port = free_port()
    environment = {
        "ELASTICSEARCH_URL": stubs.elasticsearch_url,
        "OLLAMA_URL": stubs.ollama_url,
        "MODEL": MODEL,
        **(settings or {}),
    }
    command = [sys.executable, "-m", "uvicorn", "tools.bench.serving.tutorial:app", "--log-level=warning"]
    async with _process("tutorial", [*command, f"--port={port}"], environment, port, answering) as service:
        yield service


@asynccontextmanager
async def _process(
    name: str, command: list[str], environment: Mapping[str, str], port: int, answering: bool
) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        "taskset", "-c", str(SERVER_CORE), *command, env={**os.environ, **environment}
    )
    service = Service(name, f"http://127.0.0.1:{port}", process.pid)
    try:
        await _ready(service, process, port, answering)
        yield service
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(service: Service, process: asyncio.subprocess.Process, port: int, answering: bool) -> None:
    """Until it answers a question with an answer, or at least listens."""
    loop = asyncio.get_running_loop()
    latest = loop.time() + _START_SECONDS
    while loop.time() < latest and process.returncode is None:
        caller = Caller(service.url)
        try:
            if not answering:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            if (await caller.post("/ask", {"question": "Is anybody there?"}, timeout=5)).status == 200:
                return
        except OSError:
            pass
        finally:
            caller.close()
        await asyncio.sleep(0.2)
    raise RuntimeError(f"{service.name} did not start")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
