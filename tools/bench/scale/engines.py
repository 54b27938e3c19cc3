"""The two indexes of the bench, which stay until they are removed, and the memory their processes take."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.indexes.elasticsearch.client import Client, open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.embedded.index import EmbeddedIndex

_SECONDS = 120.0
Kind = Literal["embedded", "elasticsearch"]


@dataclass(frozen=True)
class Engine:
    kind: Kind
    index: EmbeddedIndex | ElasticsearchIndex
    client: Client | None  # of Elasticsearch

    async def memory(self) -> dict[str, int]:
        """Resident bytes of all its processes, now and at most; empty where they are on other machines.

        Pages of files count where they are mapped: the vectors of the embedded index are, and can be dropped.
        """
        pids = ["self"] if self.client is None else await _pids(self.client)
        found = [each for pid in pids if (each := _memory(pid))]
        return {name: sum(each[name] for each in found) for name in (found[0] if found else {})}

    async def nodes(self) -> int:
        return 0 if self.client is None else len((await self.client.nodes.info(metric="process"))["nodes"])


@asynccontextmanager
async def open_engine(kind: Kind, size: int, folder: Path, urls: Sequence[str]) -> AsyncIterator[Engine]:
    """The index for `size` entries: files in `folder`, or an alias of its own in Elasticsearch."""
    if kind == "embedded":
        yield Engine(kind, EmbeddedIndex(folder / f"embedded-{size}", "bench"), None)
        return
    async with open_client(urls, api_key=None, timeout=_SECONDS) as client:
        yield Engine(kind, ElasticsearchIndex(client, _alias(size), _SECONDS), client)


async def remove(client: Client, size: int) -> None:
    """The index for `size` entries, from Elasticsearch."""
    for name in await client.indices.get(index=f"{_alias(size)}-*"):
        await client.indices.delete(index=name)


def _alias(size: int) -> str:
    return f"askd-bench-of-{size}"


async def _pids(client: Client) -> Sequence[str]:
    nodes = (await client.nodes.info(metric="process"))["nodes"].values()
    return [str(node["process"]["id"]) for node in nodes]


def _memory(pid: str) -> dict[str, int] | None:
    try:
        status = Path("/proc", pid, "status").read_text()
    except FileNotFoundError:
        return None
    if pid != "self" and not status.startswith("Name:\tjava"):
        return None  # a process of this machine, whereas Elasticsearch runs on another one
    names = {"resident": "VmRSS", "mapped_files": "RssFile", "peak": "VmHWM"}
    found = {name: re.search(rf"{field}:\s+(\d+) kB", status) for name, field in names.items()}
    return {name: int(match[1]) * 1024 for name, match in found.items() if match}
