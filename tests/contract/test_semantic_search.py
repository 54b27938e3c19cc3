"""What every SearchIndex must do with vectors. They are directions or drawn at random: no model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo, Vector
from app.errors import IndexUnreadable
from app.indexes import format as index_format
from app.indexes.base import IndexRecord
from app.indexes.memory import manifest_of, records_of
from app.ranking.candidates import Candidate
from tests.contract.conftest import DurablePlace, Index

pytestmark = pytest.mark.anyio

PLANE = EmbedderInfo("plane", "sha256 of nothing", 2)
LAMP = FaqEntry("1", "lights", "Which lamp?", "The lamp on the left.")
TORCH = FaqEntry("2", "lights", "Which torch?", "Any.")
SUN = FaqEntry("1", "stars", "Which star?", "The sun.")
AT = {LAMP: 0, SUN: 20, TORCH: 40}  # degrees; by turns of the two collections


def direction(degrees: float) -> Vector:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], dtype=np.float32)


def cosine(degrees: float) -> Any:
    return pytest.approx(math.cos(math.radians(degrees)), abs=1e-3)


async def published(index: Index, at: Mapping[FaqEntry, float]) -> Index:
    vectors = [direction(degrees) for degrees in at.values()]
    await index.publish(manifest_of(at, embedder=PLANE), records_of(at, vectors), lambda _: None)
    return index


@pytest.fixture
async def lights(index: Index) -> Index:
    return await published(index, AT)


def by_meaning(found: Sequence[Candidate]) -> Sequence[Candidate]:
    return sorted(
        [each for each in found if each.semantic is not None], key=lambda each: -(each.semantic or 0.0)
    )


async def test_finds_by_meaning_what_shares_no_word(lights: Index) -> None:
    candidates = (await lights.search("zzz", vector=direction(30), collection=None, size=1)).candidates
    [found] = candidates.found
    assert found == Candidate(found.entry, lexical=None, semantic=cosine(10))
    assert found.entry in (SUN, TORCH)


async def test_what_is_found_by_words_has_its_cosine_too(lights: Index) -> None:
    found = (await lights.search("torch", vector=direction(0), collection="lights", size=2)).candidates.found
    signals = {each.entry: each for each in found}
    assert set(signals) == {TORCH, LAMP}
    assert (signals[TORCH].lexical or 0.0) > 0
    assert signals[TORCH].semantic == cosine(40)
    assert signals[LAMP] == Candidate(LAMP, None, cosine(0))


async def test_without_words_only_meaning_counts(lights: Index) -> None:
    found = (await lights.search("?!", vector=direction(41), collection=None, size=9)).candidates.found
    assert [each.entry for each in by_meaning(found)] == [TORCH, SUN, LAMP]


@pytest.mark.parametrize(("collection", "inside"), [("lights", [LAMP, TORCH]), ("stars", [SUN]), ("x", [])])
async def test_searches_by_meaning_in_one_collection(
    lights: Index, collection: str, inside: Sequence[FaqEntry]
) -> None:
    candidates = (await lights.search("zzz", vector=direction(0), collection=collection, size=9)).candidates
    assert [each.entry for each in by_meaning(candidates.found)] == inside
    assert [each.semantic for each in by_meaning(candidates.found)] == [cosine(AT[each]) for each in inside]
    assert candidates.semantic_floor == (cosine(AT[inside[-1]]) if inside else None)


async def test_each_list_ends_at_its_size_and_the_least_cosine_is_told(index: Index) -> None:
    entries = [FaqEntry(str(number), "many", f"Number{number}?", "Yes.") for number in range(60)]
    await published(index, {entry: float(number) / 2 for number, entry in enumerate(entries)})
    candidates = (
        await index.search("number1 number59", vector=direction(0), collection="many", size=2)
    ).candidates
    signals = {each.entry.id: each for each in candidates.found}
    assert {id: (each.lexical is not None, each.semantic) for id, each in signals.items()} == {
        "0": (False, cosine(0)),
        "1": (True, cosine(0.5)),
        "59": (True, None),
    }
    assert candidates.semantic_floor == cosine(0.5)


async def test_without_a_vector_the_search_is_by_words(lights: Index) -> None:
    candidates = (await lights.search("lamp", vector=None, collection=None, size=9)).candidates
    assert [(each.entry, each.semantic) for each in candidates.found] == [(LAMP, None)]
    assert candidates.semantic_floor is None


async def test_an_index_without_vectors_ignores_the_one_it_is_given(index: Index) -> None:
    await index.publish(manifest_of(AT), records_of(AT), lambda _: None)
    candidates = (await index.search("lamp", vector=direction(0), collection=None, size=9)).candidates
    assert [(each.entry, each.semantic) for each in candidates.found] == [(LAMP, None)]
    assert candidates.semantic_floor is None


async def test_a_vector_of_another_size_is_refused_with_the_command_that_mends_it(lights: Index) -> None:
    with pytest.raises(IndexUnreadable, match="askd index rebuild"):
        await lights.search("lamp", vector=np.ones(3, dtype=np.float32), collection=None, size=9)


async def test_says_which_embedder_made_its_vectors_and_how_they_are_searched(index: Index) -> None:
    await index.publish(manifest_of(AT), records_of(AT), lambda _: None)
    [version] = await index.versions()
    assert (version.manifest.embedder, version.vectors) == (None, None)
    manifest = replace(manifest_of(AT, "2", embedder=PLANE), synonyms=(("lamp", "torch"),))
    await index.publish(manifest, records_of(AT, map(direction, AT.values())), lambda _: None)
    assert await index.manifest() == manifest
    version = (await index.versions())[0]
    assert (version.manifest, version.vectors) == (manifest, "flat")


# --- many vectors --------------------------------------------------------------------------------

DIMENSION, COUNT = 48, 500
RANDOM = EmbedderInfo("random", "seed 1", DIMENSION)


def drawn(count: int, seed: int) -> Sequence[Vector]:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION), dtype=np.float32)
    return list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


MANY = records_of(
    [FaqEntry(str(number), "ab"[number % 5 == 0], "Question?", "Answer.") for number in range(COUNT)],
    drawn(COUNT, seed=1),
)
COLLECTIONS = pytest.mark.parametrize("collection", [None, "a", "b"])


async def published_many(index: Index) -> Index:
    manifest = manifest_of([record.entry for record in MANY], embedder=RANDOM)
    await index.publish(manifest, MANY, lambda _: None)
    return index


def nearest(vector: Vector, collection: str | None) -> Sequence[tuple[FaqEntry, float]]:
    """By comparing with all."""
    inside = [record for record in MANY if collection in (None, record.entry.collection)]
    return sorted([(record.entry, _cosine(record, vector)) for record in inside], key=lambda each: -each[1])


def _cosine(record: IndexRecord, vector: Vector) -> float:
    assert record.vector is not None
    return float(np.dot(record.vector, vector))


@COLLECTIONS
async def test_every_engine_finds_the_same_with_the_same_cosines(
    index: Index, collection: str | None
) -> None:
    await published_many(index)
    for vector in drawn(10, seed=2):
        candidates = (await index.search("zzz", vector=vector, collection=collection, size=50)).candidates
        expected = nearest(vector, collection)
        found = by_meaning(candidates.found)
        assert {each.entry for each in found} == {entry for entry, _ in expected[:50]}
        assert [each.semantic for each in found] == [
            pytest.approx(near, abs=1e-3) for _, near in expected[:50]
        ]
        floor = expected[:50][-1][1]
        assert candidates.semantic_floor == pytest.approx(floor, abs=1e-3)


@COLLECTIONS
async def test_a_graph_finds_nearly_the_same_with_the_same_cosines(
    durable_place: DurablePlace, collection: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_format, "FLAT_VECTORS", 200)  # collection b has fewer, a has more
    index = await published_many(durable_place.open())
    assert [version.vectors for version in await index.versions()] == ["hnsw"]
    both, wanted = 0, 0
    for vector in drawn(10, seed=2):
        candidates = (await index.search("zzz", vector=vector, collection=collection, size=50)).candidates
        cosines = dict(nearest(vector, collection))
        for each in candidates.found:
            assert each.semantic == pytest.approx(cosines[each.entry], abs=1e-3)
        expected = [entry for entry, _ in nearest(vector, collection)[:50]]
        both += len({each.entry for each in candidates.found} & set(expected))
        wanted += len(expected)
    assert both / wanted > 0.95
