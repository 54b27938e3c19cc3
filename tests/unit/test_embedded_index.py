"""What only the embedded index can meet: its files."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.embedded_index import EmbeddedIndex
from app.domain import FaqEntry
from app.errors import IndexMissing, IndexUnreadable, IngestConflict, SearchUnavailable
from tests.fakes.index import manifest_of

pytestmark = pytest.mark.anyio

ENTRIES = [FaqEntry(str(number), "course", f"Where is lantern {number}?", "Here.") for number in range(50)]


@pytest.fixture
async def index(tmp_path: Path) -> EmbeddedIndex:
    index = EmbeddedIndex(tmp_path, "askd")
    await index.publish(manifest_of(ENTRIES, "1"), ENTRIES, lambda _: None)
    return index


async def search(index: EmbeddedIndex) -> int:
    return len((await index.search("lantern", vector=None, collection=None, size=100)).found)


async def published(index: EmbeddedIndex, version: str) -> bool:
    try:
        await index.publish(manifest_of(ENTRIES, version), ENTRIES, lambda _: None)
    except IngestConflict:
        return False
    return True


@pytest.mark.parametrize("damage", ["truncate", "delete", "garbage"])
@pytest.mark.parametrize(
    "name", ["manifest.json", "statistics.json", "tantivy/meta.json", "tantivy/*.store", "tantivy/*.term"]
)
async def test_a_damaged_file_is_told_with_the_command_that_mends_it(
    index: EmbeddedIndex, tmp_path: Path, name: str, damage: str
) -> None:
    for path in (tmp_path / "askd/versions/1").glob(name):
        if damage == "delete":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:20] if damage == "truncate" else b"\xff" * 200)
    damaged = EmbeddedIndex(tmp_path, "askd")
    with pytest.raises(IndexUnreadable, match="askd ingest FILE"):
        await search(damaged)
    await damaged.publish(manifest_of(ENTRIES, "2"), ENTRIES, lambda _: None)
    assert await search(damaged) == len(ENTRIES)


async def test_a_damaged_version_is_not_listed_so_that_an_ingest_replaces_it(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    (tmp_path / "askd/versions/1/statistics.json").unlink()
    assert await index.versions() == []


async def test_a_running_server_tells_that_the_index_was_removed(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    assert await search(index) == len(ENTRIES)
    (tmp_path / "askd/current").unlink()
    with pytest.raises(IndexMissing):
        await search(index)


async def test_an_open_version_can_be_searched_after_its_files_are_gone(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    records = index.records()
    first = await anext(records)
    for version in ("2", "3"):
        await index.publish(manifest_of(ENTRIES, version), ENTRIES, lambda _: None)
    assert not (tmp_path / "askd/versions/1").exists()
    assert [first, *[entry async for entry in records]] == ENTRIES


async def test_a_cancelled_ingest_stops_writing_and_is_not_published(index: EmbeddedIndex) -> None:
    begun = asyncio.Event()
    taken: list[FaqEntry] = []
    loop = asyncio.get_running_loop()

    def endless() -> Iterator[FaqEntry]:
        while True:
            taken.append(ENTRIES[0])
            loop.call_soon_threadsafe(begun.set)
            yield ENTRIES[0]

    ingest = asyncio.create_task(index.publish(manifest_of(ENTRIES, "2"), endless(), lambda _: None))
    await begun.wait()
    ingest.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ingest
    for _ in range(1000):
        if await published(index, "3"):  # the thread has stopped
            break
        await asyncio.sleep(0.01)
    stopped_at = len(taken)
    await asyncio.sleep(0.05)
    assert len(taken) == stopped_at
    assert [version.manifest.version for version in await index.versions()] == ["3", "1"]


async def test_a_full_disk_leaves_the_old_version(index: EmbeddedIndex) -> None:
    many = [replace(entry, id=f"{entry.id}-{copy}") for copy in range(20) for entry in ENTRIES]
    with largest_file(10_000), pytest.raises(SearchUnavailable, match="disk full"):
        await index.publish(manifest_of(many, "2"), many, lambda _: None)
    assert await search(index) == len(ENTRIES)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Python ignores the signal, so a write beyond it fails as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "askd").write_text("a file where the folder should be")
    with pytest.raises(SearchUnavailable, match="on disk"):
        await EmbeddedIndex(tmp_path, "askd").publish(manifest_of(ENTRIES), ENTRIES, lambda _: None)
