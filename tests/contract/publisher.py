"""Publishes from a process of its own, and halts half-way until it is told to go on. Says what came of it.

python -m tests.contract.publisher embedded DIRECTORY NAME
python -m tests.contract.publisher elasticsearch URL ALIAS
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from app.domain import FaqEntry
from app.errors import IngestConflict
from app.indexes.base import IndexRecord, IndexStore
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.embedded.index import EmbeddedIndex
from app.indexes.memory import manifest_of, records_of

ENTRIES = [FaqEntry(str(number), "slow", "Who is slow?", "The publisher.") for number in range(1200)]


async def main(engine: str, place: str, name: str) -> None:
    async with AsyncExitStack() as opened:
        index: IndexStore
        if engine == "embedded":
            index = EmbeddedIndex(Path(place), name)
        else:
            client = await opened.enter_async_context(open_client(place, api_key=None, timeout=30.0))
            index = ElasticsearchIndex(client, name, timeout=30.0)
        try:
            await index.publish(manifest_of(ENTRIES, "slow"), _halting(), lambda _: None)
        except IngestConflict:
            _say("conflict")
        else:
            _say("published")


def _halting() -> Iterator[IndexRecord]:
    yield from records_of(ENTRIES[:600])
    _say("half-way")
    sys.stdin.readline()
    yield from records_of(ENTRIES[600:])


def _say(word: str) -> None:
    print(word, flush=True)  # noqa: T201  (the test reads it)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
