"""`kill -9` of an ingest at any moment: nobody ever sees part of an index, and nothing is left for good.

ASKD_TEST_KILLS says how many; `scripts/soak` raises it.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from app.domain import FaqEntry, Question
from app.indexes.elasticsearch.client import open_client
from app.wiring import Askd, open_askd
from tests.cli.shell import Shell
from tests.live.serving import Chosen, settings_of

pytestmark = pytest.mark.anyio

KILLS = int(os.environ.get("ASKD_TEST_KILLS", "8"))
ENTRIES = 2000
CACHED = 10.0  # seconds until a search must find what is published; for a busy machine
FILLER = " ".join(f"word{number}" for number in range(60))  # so that it takes a while


@pytest.fixture(params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Chosen:
    """An index of the test's own, as values for `Settings`."""
    chosen: Chosen = {"data_dir": tmp_path / "data", "search_timeout": 30.0}
    if request.param == "elasticsearch":
        chosen["elasticsearch_url"] = request.getfixturevalue("elasticsearch_url")
        chosen["index"] = f"{request.getfixturevalue('index_prefix')}-killed"
    return chosen


async def stored(place: Chosen) -> set[str]:
    """Whatever lies there, finished or not."""
    if "index" not in place:
        return {path.name for path in place["data_dir"].glob("index/askd/versions/*")}
    async with open_client(place["elasticsearch_url"], api_key=None, timeout=30.0) as client:
        names = await client.indices.get(index=f"{place['index']}-*")
        return {name.removeprefix(f"{place['index']}-") for name in names}


# --- editions ----------------------------------------------------------------------------------


def write_edition(number: int, folder: Path) -> Path:
    """A FAQ with the same questions as every edition, and answers of its own."""
    path = folder / f"edition-{number}.json"
    records = [
        {"id": f"{item}", "collection": "items", "question": f"What is item{item}?", "answer": answer}
        for item in range(ENTRIES)
        for answer in [f"{FILLER} of edition {number}"]
    ]
    path.write_text(json.dumps(records), "utf-8")
    return path


def editions_of(entries: Sequence[FaqEntry]) -> set[int]:
    return {int(entry.answer.rpartition(" ")[2]) for entry in entries}


@dataclass
class Reader:
    """Somebody who goes on searching, and knows which editions there may be."""

    askd: Askd
    allowed: set[int]
    chance: Random = field(default_factory=lambda: Random(3))
    searches: int = 0

    async def look(self) -> int:
        """The edition that a search finds."""
        item = self.chance.randrange(ENTRIES)
        found = await self.askd.assistant.find(Question(f"What is item{item}?"))
        entries = [hit.entry for hit in found.ranking.hits]
        assert entries[0].id == f"{item}"
        (edition,) = editions_of(entries)
        assert edition in self.allowed
        self.searches += 1
        await asyncio.sleep(0.01)  # leave the CPU to the ingest
        return edition

    async def whole(self) -> int:
        """The edition that serves, of which every entry is there, and which searches find."""
        deadline = time.monotonic() + CACHED
        while (edition := await self.stored()) != await self.look():
            # A search may use a manifest that is half a second old.
            assert time.monotonic() < deadline
        return edition

    async def stored(self) -> int:
        entries = [entry async for entry in self.askd.store.records()]
        assert len({entry.id for entry in entries}) == len(entries) == ENTRIES
        (edition,) = editions_of(entries)
        assert edition in self.allowed
        return edition


# --- the test ----------------------------------------------------------------------------------


@pytest.mark.timeout(60 + 20 * KILLS)
async def test_a_killed_ingest_is_never_seen(place: Chosen, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    settings = {f"ASKD_{name.upper()}": str(value) for name, value in place.items()}
    write_edition(0, tmp_path)
    shell("ingest", "edition-0.json", settings=settings)
    started = time.monotonic()
    shell("ingest", write_edition(1, tmp_path), settings=settings)
    duration = time.monotonic() - started

    ends: Counter[str] = Counter()
    async with open_askd(settings_of(place)) as askd:
        reader = Reader(askd, {1})
        for number, moment in enumerate(moments(), start=2):
            before = await reader.whole()
            reader.allowed = {before, number}
            file = write_edition(number, tmp_path)
            with shell.killed("ingest", file, settings=settings) as process:
                started = time.monotonic()
                while time.monotonic() < started + moment * duration and process.poll() is None:
                    await reader.look()
                if ended := process.poll() is not None:
                    duration = time.monotonic() - started
            await reader.look()
            serving = await reader.whole()
            ends["too late" if ended else "after the switch" if serving == number else "before it"] += 1
            file.unlink()

        reader.allowed.add(KILLS + 2)
        shell("ingest", write_edition(KILLS + 2, tmp_path), settings=settings)
        assert await reader.whole() == KILLS + 2
        versions = [version.manifest.version for version in await askd.store.versions()]

    assert len(versions) == 2
    assert {name.lower() for name in await stored(place)} == {version.lower() for version in versions}
    # scripts/soak shows it
    print(f"{KILLS} kills within {duration:.1f} s: {dict(ends)}; {reader.searches} searches")  # noqa: T201
    assert ends["before it"]


def moments() -> list[float]:
    """Shares of the time that an ingest takes, at random, spread over its last two thirds: in the first
    one Python starts, and there is nothing to interrupt."""
    chance = Random(7)
    return [(1 + 2 * (kill + chance.random()) / KILLS) / 3 for kill in range(KILLS)]
