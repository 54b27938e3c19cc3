"""Several askd as processes, before model servers that see who generates when."""

import asyncio
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import combinations, count
from pathlib import Path
from typing import Any

import httpx

from app.api.keys import add_key
from tests.live.serving import SAMPLE, ingest, settings_of
from tests.support.valkey import ValkeyServer, valkey_server
from tools.bench.serving.stub_http import serving
from tools.bench.serving.stubs import MODEL, Generation, Ollama, Pace

ASKD = Path(sys.executable).with_name("askd")
SLOTS, SERVERS, REPLICAS = 2, 2, 3
_NUMBER = re.compile(r"in case (\d+)")
_PATIENCE = 60.0  # seconds


def question_of(case: str) -> str:
    return f"Which models can write the answers in case {case}?"


class Seen:
    """The generations of all model servers."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0  # at once, since it was last set to 0
        self.begun: dict[str, float] = {}  # the number of a question -> when


class Model(Ollama):
    """An Ollama that generates as many at once as it is asked to: it is for askd to hold back."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(["You", " choose", " the", " model", "."])
        self.seen = seen
        self.most = 0

    def tokens(self, generation: Generation) -> list[str]:
        self.seen.now += 1
        self.seen.most = max(self.seen.most, self.seen.now)
        self.most = max(self.most, self._busy)
        for number in _NUMBER.findall(generation.body["messages"][-1]["content"]):
            self.seen.begun[number] = time.perf_counter()
        return super().tokens(generation)

    def ended(self, generation: Generation, *, left: bool) -> None:
        self.seen.now -= 1
        super().ended(generation, left=left)


@dataclass
class Replica:
    client: httpx.AsyncClient
    process: asyncio.subprocess.Process
    key: str

    async def readiness(self) -> Any:
        return (await self.client.get("/readyz")).json()

    async def metric(self, name: str) -> float:
        lines = (await self.client.get("/metrics", headers={"X-API-Key": self.key})).text.splitlines()
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        return float(line.split()[1])


@dataclass
class Replicas:
    valkey: ValkeyServer
    models: Sequence[Model]
    seen: Seen
    keys: Path
    replicas: list[Replica] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    async def know_of(self, replicas: int) -> bool:
        return {await each.metric("askd_replicas") for each in self.replicas} == {replicas}

    async def alone(self) -> bool:
        return all([(await each.readiness())["degraded"] for each in self.replicas])

    async def together(self) -> bool:
        return not any([(await each.readiness())["degraded"] for each in self.replicas])

    def pace(self, seconds: float) -> None:
        """What a generation takes from now on."""
        for model in self.models:
            model.pace = Pace(0.0, seconds / 2, seconds / 14, tokens=8)

    def key(self) -> str:
        """Of a new caller."""
        return add_key(self.keys, f"caller-{next(self._numbers)}")

    async def ask(
        self, replica: Replica, question: str | None = None, key: str | None = None, mode: str = "generate"
    ) -> httpx.Response:
        """A question that only the model can answer, and that nobody asked before."""
        text = question or question_of(str(next(self._numbers)))
        body = {"question": text, "mode": mode}
        return await replica.client.post("/ask", json=body, headers={"X-API-Key": key or self.key()})

    async def load(self, requests: int, interval: float) -> list[str]:
        """The numbers of questions that come one after the other, each to the next replica; all answered."""
        numbers, tasks = [], []
        for at in range(requests):
            numbers.append(str(next(self._numbers)))
            replica = self.replicas[at % len(self.replicas)]
            tasks.append(asyncio.create_task(self.ask(replica, question_of(numbers[-1]))))
            await asyncio.sleep(interval)
        failed = [each.text for each in await asyncio.gather(*tasks) if each.status_code != 200]
        assert not failed, failed
        return numbers

    def out_of_order(self, numbers: Sequence[str]) -> float:
        """The share of pairs that began in another order than they came."""
        pairs = list(combinations([self.seen.begun[number] for number in numbers], 2))
        return sum(first > second for first, second in pairs) / len(pairs)


@asynccontextmanager
async def replicas_of(folder: Path, **more: str) -> AsyncIterator[Replicas]:
    """Three with two model servers of two slots each, and one Valkey."""
    seen = Seen()
    keys = folder / "keys"
    first_key = add_key(keys, "monitor")
    async with AsyncExitStack() as opened:
        models = [Model(seen) for _ in range(SERVERS)]
        urls = [await opened.enter_async_context(serving(model.handle)) for model in models]
        valkey = await opened.enter_async_context(valkey_server("a password"))
        (folder / "password").write_text("a password\n")
        all_of_them = Replicas(valkey, models, seen, keys)
        all_of_them.pace(0.1)
        await ingest(settings_of({"data_dir": folder / "data"}), SAMPLE)
        environment = {
            "ASKD_DATA_DIR": str(folder / "data"),
            "ASKD_EMBEDDER": "none",
            "ASKD_OLLAMA_URL": ",".join(urls),
            "ASKD_MODEL": MODEL,
            "ASKD_WRITING": "free",
            "ASKD_SLOTS": str(SLOTS),
            "ASKD_SHARED_URL": valkey.url,
            "ASKD_SHARED_PASSWORD_FILE": str(folder / "password"),
            "ASKD_API_KEYS_FILE": str(keys),
            "ASKD_RATE_LIMIT": "30/minute",
            **more,
        }
        starting = [_replica(folder / f"log-{at}", environment, first_key, opened) for at in range(REPLICAS)]
        all_of_them.replicas = list(await asyncio.gather(*starting))
        yield all_of_them


async def _replica(log: Path, environment: dict[str, str], key: str, opened: AsyncExitStack) -> Replica:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with log.open("ab") as written:
        process = await asyncio.create_subprocess_exec(
            ASKD, "serve", "--port", str(port), env=os.environ | environment, stdout=written, stderr=written
        )

    async def end() -> None:
        if process.returncode is None:
            process.kill()
            await process.wait()

    opened.push_async_callback(end)
    url = f"http://127.0.0.1:{port}"
    client = await opened.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60, trust_env=False))
    replica = Replica(client, process, key)
    async with asyncio.timeout(_PATIENCE):
        while not await _is_ready(client):
            assert process.returncode is None, _text(log)
            await asyncio.sleep(0.1)
        while "is loaded" not in _text(log):  # and warmed up
            await asyncio.sleep(0.1)
    return replica


def _text(log: Path) -> str:
    return log.read_text()


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def until(true: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """How long it took, in seconds."""
    began = time.perf_counter()
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)
    return time.perf_counter() - began
