"""`askd ingest --watch` while a file is edited again and again: no search fails, the last is served soon.

ASKD_TEST_EDITS says how many edits; each is a new file in the place of the old one, as editors write it.
"""

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.domain import Question
from app.wiring import Askd, open_askd
from tests.cli.shell import Shell
from tests.live.serving import Chosen, settings_of

pytestmark = pytest.mark.anyio

EDITS = int(os.environ.get("ASKD_TEST_EDITS", "100"))
ENTRIES = 50
_BETWEEN = 0.03  # seconds between two edits
_SOON = 2.0  # seconds until an edit is served
_PATIENCE = 60.0  # seconds for the first version


@pytest.fixture(params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Chosen:
    """An index of the test's own, as values for `Settings`."""
    chosen: Chosen = {"data_dir": tmp_path / "data", "search_timeout": 30.0}
    if request.param == "elasticsearch":
        chosen["elasticsearch_url"] = request.getfixturevalue("elasticsearch_url")
        chosen["index"] = f"{request.getfixturevalue('index_prefix')}-watched"
    return chosen


def edit(path: Path, number: int) -> None:
    records = [
        {"id": f"{item}", "question": f"What is item{item}?", "answer": f"Edit {number}."}
        for item in range(ENTRIES)
    ]
    new = path.with_suffix(".new")
    new.write_text(json.dumps(records))
    new.replace(path)


async def served(askd: Askd) -> int:
    """The edit that a search finds."""
    found = await askd.assistant.find(Question("What is item7?"))
    answers = {hit.entry.answer for hit in found.ranking.hits}
    assert len(answers) == 1, "entries of two versions"
    return int(answers.pop().split()[1].rstrip("."))


@dataclass
class Watched:
    """Searches on and on; every one of them must find one whole version."""

    askd: Askd
    seen: list[int] = field(default_factory=list)  # edits, in the order of the searches

    async def search(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.seen.append(await served(self.askd))
            await asyncio.sleep(0.005)

    async def until_served(self, edit: int) -> float:
        """How many seconds it takes."""
        started = time.monotonic()
        async with asyncio.timeout(_PATIENCE):
            while not self.seen or self.seen[-1] != edit:
                await self.search(0.02)
        return time.monotonic() - started


@pytest.mark.timeout(180 + 2 * EDITS)
async def test_a_hundred_edits_in_a_row_are_served_without_a_failed_search(
    place: Chosen, tmp_path: Path
) -> None:
    shell = Shell(tmp_path)
    path = tmp_path / "faq.json"
    edit(path, 0)
    settings = {f"ASKD_{name.upper()}": str(value) for name, value in place.items()}
    process = shell.start("ingest", path, "--watch", settings=settings)
    try:
        async with open_askd(settings_of(place)) as askd:
            async with asyncio.timeout(_PATIENCE):
                while not await askd.store.versions():
                    await asyncio.sleep(0.1)
            watched = Watched(askd)
            assert await served(askd) == 0
            edit(path, 1)
            alone = await watched.until_served(1)
            for number in range(2, EDITS + 2):
                edit(path, number)
                await watched.search(_BETWEEN)
            taken = await watched.until_served(EDITS + 1)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert watched.seen == sorted(watched.seen)
    # On a machine with much else to do one edit alone may take as long.
    assert taken < max(_SOON, 2 * alone), f"{taken:.1f} s, and {alone:.1f} s for one edit alone"
