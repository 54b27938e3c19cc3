"""What only the embedded index can meet: its files."""

import asyncio
import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product, repeat
from pathlib import Path

import numpy as np
import pytest

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo
from app.errors import IndexMissing, IndexUnreadable, IngestConflict, SearchUnavailable
from app.indexes import format as index_format
from app.indexes.base import IndexRecord
from app.indexes.embedded.index import EmbeddedIndex
from app.indexes.memory import manifest_of, records_of

pytestmark = pytest.mark.anyio

ENTRIES = [FaqEntry(str(number), "course", f"Where is lantern {number}?", "Here.") for number in range(50)]


@pytest.fixture
async def index(tmp_path: Path) -> EmbeddedIndex:
    index = EmbeddedIndex(tmp_path, "askd")
    await index.publish(manifest_of(ENTRIES, "1"), records_of(ENTRIES), lambda _: None)
    return index


async def search(index: EmbeddedIndex) -> int:
    return len((await index.search("lantern", vector=None, collection=None, size=100)).candidates.found)


async def published(index: EmbeddedIndex, version: str) -> bool:
    try:
        await index.publish(manifest_of(ENTRIES, version), records_of(ENTRIES), lambda _: None)
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
    await damaged.publish(manifest_of(ENTRIES, "2"), records_of(ENTRIES), lambda _: None)
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
        await index.publish(manifest_of(ENTRIES, version), records_of(ENTRIES), lambda _: None)
    assert not (tmp_path / "askd/versions/1").exists()
    assert [first, *[entry async for entry in records]] == ENTRIES


async def test_a_cancelled_ingest_stops_writing_and_is_not_published(index: EmbeddedIndex) -> None:
    begun = asyncio.Event()
    taken: list[IndexRecord] = []
    loop = asyncio.get_running_loop()

    def endless() -> Iterator[IndexRecord]:
        while True:
            taken.append(IndexRecord(ENTRIES[0]))
            loop.call_soon_threadsafe(begun.set)
            yield taken[-1]

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
        await index.publish(manifest_of(many, "2"), records_of(many), lambda _: None)
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


async def test_an_index_of_an_older_askd_gives_its_entries_back_to_be_indexed_anew(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    path = tmp_path / "askd/versions/1/manifest.json"
    old = json.loads(path.read_text())
    del old["embedder"], old["synonyms"]
    path.write_text(json.dumps(old | {"schema": 1}))
    older = EmbeddedIndex(tmp_path, "askd")
    with pytest.raises(IndexUnreadable, match="askd index rebuild"):
        await search(older)
    assert [entry async for entry in older.records()] == ENTRIES
    [version] = await older.versions()
    assert (version.manifest.schema, version.manifest.embedder, version.manifest.synonyms) == (1, None, ())


# --- vectors -----------------------------------------------------------------------------------

COMPASS = EmbedderInfo("compass", "digest", 2)
NORTH = np.array([0, 1], dtype=np.float32)


async def published_with_vectors(tmp_path: Path, version: str) -> EmbeddedIndex:
    index = EmbeddedIndex(tmp_path, "askd")
    records = records_of(ENTRIES, repeat(NORTH, len(ENTRIES)))
    await index.publish(manifest_of(ENTRIES, version, embedder=COMPASS), records, lambda _: None)
    return index


async def cosines(index: EmbeddedIndex) -> set[float | None]:
    candidates = (await index.search("lantern", vector=NORTH, collection=None, size=100)).candidates
    assert len(candidates.found) == len(ENTRIES)
    return {candidate.semantic for candidate in candidates.found}


@pytest.mark.parametrize(
    ("name", "damage"),
    [("vectors.npy", "delete"), *product(["vectors.npy", "nearest-0-50"], ["truncate", "garbage", "empty"])],
)
async def test_without_whole_vectors_words_are_searched_and_it_is_said(
    tmp_path: Path,
    name: str,
    damage: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_format, "FLAT_VECTORS", 10)
    assert await cosines(await published_with_vectors(tmp_path, "1")) == {1.0}
    path = tmp_path / "askd/versions/1" / name
    if damage == "delete":
        path.unlink()
    else:
        kept = {"truncate": path.read_bytes()[:300], "garbage": bytes(range(256)) * 4, "empty": b""}
        path.write_bytes(kept[damage])
    damaged = EmbeddedIndex(tmp_path, "askd")
    assert await cosines(damaged) == await cosines(damaged) == {None}
    assert (await damaged.manifest()).embedder is None
    assert caplog.text.count("askd index rebuild") == 1
    assert await cosines(await published_with_vectors(tmp_path, "2")) == {1.0}


async def test_vectors_of_another_shape_than_the_manifest_says_are_not_searched(tmp_path: Path) -> None:
    await published_with_vectors(tmp_path, "1")
    np.save(tmp_path / "askd/versions/1/vectors.npy", np.ones((len(ENTRIES), 3), dtype=np.float32))
    assert await cosines(EmbeddedIndex(tmp_path, "askd")) == {None}


async def test_more_entries_of_a_collection_than_counted_are_not_published(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, "askd")
    moved = [replace(ENTRIES[0], collection="other"), *ENTRIES[1:]]
    records = records_of(ENTRIES, repeat(NORTH, len(ENTRIES)))
    with pytest.raises(SearchUnavailable, match="more entries in 'course'"):
        await index.publish(manifest_of(moved, embedder=COMPASS), records, lambda _: None)
    assert await index.versions() == []


async def test_an_ingest_cancelled_while_it_builds_a_graph_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_format, "FLAT_VECTORS", 10)
    index = EmbeddedIndex(tmp_path, "askd")
    entries = [*ENTRIES, *(replace(entry, collection="other") for entry in ENTRIES)]  # three graphs
    records = records_of(entries, repeat(NORTH, len(entries)))
    loop, cancelled = asyncio.get_running_loop(), threading.Event()

    def progress(written: int) -> None:
        if written == 0:  # the entries are written, and a graph is begun
            loop.call_soon_threadsafe(ingest.cancel)
            cancelled.wait(10)

    ingest = asyncio.create_task(index.publish(manifest_of(entries, embedder=COMPASS), records, progress))
    with pytest.raises(asyncio.CancelledError):
        await ingest
    cancelled.set()
    while not await published(index, "2"):
        await asyncio.sleep(0.01)
    assert [version.manifest.version for version in await index.versions()] == ["2"]


async def test_a_disk_too_full_for_the_vectors_leaves_the_old_version(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    wide = EmbedderInfo("wide", "digest", 384)
    records = records_of(ENTRIES, repeat(np.ones(384, dtype=np.float32), len(ENTRIES)))
    with largest_file(10_000), pytest.raises(SearchUnavailable, match="on disk"):
        await index.publish(manifest_of(ENTRIES, "2", embedder=wide), records, lambda _: None)
    assert await search(index) == len(ENTRIES)


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "askd").write_text("a file where the folder should be")
    with pytest.raises(SearchUnavailable, match="on disk"):
        await EmbeddedIndex(tmp_path, "askd").publish(
            manifest_of(ENTRIES), records_of(ENTRIES), lambda _: None
        )
