"""What a process holds: to be compared before and after, for what was left behind."""

import asyncio
import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SETTLES = 2.0  # seconds until what has ended is gone


@dataclass(frozen=True)
class Footprint:
    tasks: frozenset[asyncio.Task[object]]
    descriptors: int  # without connections to the servers behind askd, which are kept for later

    @classmethod
    async def settled(cls, upstream: Collection[str] = ()) -> "Footprint":
        """Once nothing comes or goes any more."""
        async with asyncio.timeout(5 * _SETTLES):
            now = cls.taken(upstream)
            while True:
                await asyncio.sleep(_SETTLES / 10)
                before, now = now, cls.taken(upstream)
                if before == now:
                    return now

    @classmethod
    def taken(cls, upstream: Collection[str] = ()) -> "Footprint":
        """`upstream` are the URLs of those servers."""
        return cls(frozenset(asyncio.all_tasks()), _descriptors(_kept(upstream)))


async def left_behind(before: Footprint, upstream: Collection[str] = ()) -> tuple[list[str], int]:
    """Names of the tasks and number of the descriptors that were not there before, once all is quiet."""
    latest = time.monotonic() + _SETTLES
    while True:
        now = Footprint.taken(upstream)
        found = [repr(task) for task in now.tasks - before.tasks], now.descriptors - before.descriptors
        if found == ([], 0) or time.monotonic() > latest:
            return found
        await asyncio.sleep(0.05)


def _descriptors(kept: set[str]) -> int:
    number = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            number += os.readlink(f"/proc/self/fd/{descriptor}") not in kept
        except OSError:  # that of the listing itself
            continue
    return number


def _kept(upstream: Collection[str]) -> set[str]:
    """Both ends of the connections to these servers, as /proc names them."""
    ports = {urlsplit(url).port for url in upstream}
    found = set()
    for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ends = {int(end.rpartition(":")[2], 16) for end in fields[1:3]}
        if ends & ports and not fields[2].endswith(":0000"):  # that is the one who listens
            found.add(f"socket:[{fields[9]}]")
    return found
