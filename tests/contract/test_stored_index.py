"""Indexes that askd 0.1.0 wrote are read by this version, and can be rebuilt."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from app.embedders.base import Vector
from app.indexes.elasticsearch.client import open_client
from app.indexes.elasticsearch.index import ElasticsearchIndex
from app.indexes.embedded.index import EmbeddedIndex
from app.indexes.memory import manifest_of, records_of
from tests.contract.conftest import Index

pytestmark = pytest.mark.anyio
STORED = Path(__file__).parent / "stored"
ANSWERS = {
    "refund": "Write to us within 30 days.\n\n* Keep the receipt.",
    "shipping": "Three to five working days.",
    "cluster": "Run `platform restart`.",
    "grüße": "日本語 🙂",
}


@pytest.fixture
def embedded(tmp_path: Path) -> Index:
    shutil.copytree(STORED / "embedded", tmp_path, dirs_exist_ok=True)
    return EmbeddedIndex(tmp_path, "askd")


@pytest.fixture
async def elasticsearch(elasticsearch_url: str) -> AsyncIterator[Index]:
    alias = f"askd-test-{uuid4().hex[:12]}"
    stored = json.loads((STORED / "elasticsearch.json").read_text("utf-8"))
    stored["create"]["mappings"]["_meta"]["alias"] = alias
    version = stored["create"]["mappings"]["_meta"]["manifest"]["version"]
    name = f"{alias}-{version}".lower()
    async with open_client(elasticsearch_url, None, 30.0) as client:
        await client.indices.create(index=name, aliases={alias: {}}, **stored["create"])
        for document in stored["documents"]:
            await client.index(index=name, document=document)
        await client.index(index=name, **stored["statistics"], refresh=True)
        yield ElasticsearchIndex(client, alias, timeout=30.0)
        for index in await client.indices.get(index=f"{alias}-*"):
            await client.indices.delete(index=index)


@pytest.fixture(params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.live)])
def stored(request: pytest.FixtureRequest) -> Index:
    index: Index = request.getfixturevalue(request.param)
    return index


async def near_refund(index: Index) -> Vector:
    """The vector that was stored for the entry, about."""
    embedder = (await index.manifest()).embedder
    assert embedder is not None
    if embedder.dimension == 2:
        return np.array([1, 0], dtype=np.float32)
    [file] = STORED.glob("embedded/askd/versions/*/vectors.npy")
    row: Vector = np.load(file)[-2]
    return row  # the rows of a collection lie together, in the order of the file


async def test_says_what_it_is_and_gives_its_entries_back(stored: Index) -> None:
    manifest = await stored.manifest()
    assert (manifest.askd, manifest.schema, manifest.language) == ("0.1.0", 2, "english")
    assert manifest.collections == {"ops": 2, "shop": 2}
    assert [list(group) for group in manifest.synonyms] == [["k8s", "kubernetes"]]
    assert {entry.id: entry.answer async for entry in stored.records()} == ANSWERS


async def test_is_searched_by_words_and_by_meaning(stored: Index) -> None:
    result = await stored.search(
        "how long does shipping take", vector=await near_refund(stored), collection="shop", size=5
    )
    signals = {candidate.entry.id: candidate for candidate in result.candidates.found}
    assert set(signals) == {"shipping", "refund"}
    assert (signals["shipping"].lexical or 0) > (signals["refund"].lexical or 0)
    assert signals["refund"].semantic == pytest.approx(1.0, abs=1e-3)
    assert result.statistics.entries == 4
    assert result.statistics.frequencies["do"] == 2


async def test_is_rebuilt_and_gone_back_to(stored: Index) -> None:
    entries = [entry async for entry in stored.records()]
    old = (await stored.manifest()).version
    await stored.publish(manifest_of(entries, "2"), records_of(entries), lambda _: None)
    assert (await stored.manifest()).version == "2"
    assert {entry.id: entry.answer async for entry in stored.records()} == ANSWERS
    assert (await stored.rollback()).manifest.version == old
