"""The two indexes, each made empty and removed afterwards, and how much memory they take."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from elasticsearch import AsyncElasticsearch

from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.embedded.index import EmbeddedIndex

_SECONDS = 60.0


@dataclass(frozen=True)
class Engine:
    name: str
    index: EmbeddedIndex | ElasticsearchIndex
    resident_bytes: Callable[[], Awaitable[int | None]]  # None: its process is not on this machine


@asynccontextmanager
async def embedded() -> AsyncIterator[Engine]:
    async def resident() -> int | None:
        return _resident_bytes("self")

    with TemporaryDirectory(prefix="askd-bench-") as folder:
        yield Engine("embedded", EmbeddedIndex(Path(folder), "bench"), resident)


@asynccontextmanager
async def elasticsearch(url: str) -> AsyncIterator[Engine]:
    async with open_client(url, api_key=None, timeout=_SECONDS) as client:
        alias = f"askd-bench-{uuid4().hex[:8]}"
        try:
            yield Engine(
                "elasticsearch", ElasticsearchIndex(client, alias, _SECONDS), lambda: _resident(client)
            )
        finally:
            for name in await client.indices.get(index=f"{alias}-*"):
                await client.indices.delete(index=name)


async def _resident(client: AsyncElasticsearch) -> int | None:
    [node] = (await client.nodes.info(metric="process"))["nodes"].values()
    pid = str(node["process"]["id"])
    return _resident_bytes(pid, "java")


def _resident_bytes(pid: str, command: str = "") -> int | None:
    try:
        status = Path("/proc", pid, "status").read_text()
    except FileNotFoundError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found and status.startswith(f"Name:\t{command}") else None
