"""Measures an index's thresholds at ingest: by its entries' own questions, their entries struck out."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from app.answering.retrieval import Retrieval
from app.domain import FaqEntry, Question
from app.embedders.base import Embedder
from app.indexes.base import IndexRecord, IndexStore, SearchIndex
from app.indexes.manifest import Manifest
from app.indexes.without import IndexWithout
from app.ranking.confidence import Thresholds, calibration_of
from app.ranking.own_thresholds import MOST_QUESTIONS, own_thresholds
from app.ranking.text import normalised_question

_MOST_ENTRIES = 5_000  # of a larger FAQ a sample is measured: to index all of it twice would take minutes
_OWN_COLLECTION = 20  # entries; a question of a smaller collection is put to all of them
_LONGEST = 1_000  # characters of a question that is asked
_SEED = 1


class ScratchIndex(IndexStore, SearchIndex, Protocol):
    """An index that can be written and searched, and is gone afterwards."""


Scratch = Callable[[], AbstractAsyncContextManager[ScratchIndex]]


def measurable(manifest: Manifest) -> bool:
    """Whether the calibration of its embedder has a use for thresholds of an index."""
    return manifest.embedder is not None and calibration_of(manifest.embedder.name).interacts


def sampled(entries: Sequence[FaqEntry], most: int = _MOST_ENTRIES) -> Sequence[FaqEntry]:
    """At most `most` of them, the same ones each time, in their order."""
    if len(entries) <= most:
        return entries
    chosen = random.Random(_SEED).sample(range(len(entries)), most)  # noqa: S311 - no secret
    return [entries[place] for place in sorted(chosen)]


async def measure(
    index: ScratchIndex, manifest: Manifest, records: Sequence[IndexRecord], embedder: Embedder
) -> Thresholds:
    """Writes the records to the empty `index` and asks it. Raises as `publish`."""
    await index.publish(manifest, records, lambda count: None)
    entries = [record.entry for record in records]
    sizes = Counter(entry.collection for entry in entries)
    same = defaultdict(set)
    for entry in entries:
        same[normalised_question(entry.question)].add(entry.key)
    found = []
    for entry in sampled(entries, MOST_QUESTIONS):
        own = entry.collection if sizes[entry.collection] >= _OWN_COLLECTION else None
        without = IndexWithout(index, frozenset(same[normalised_question(entry.question)]))
        asked = Question(entry.question[:_LONGEST], own, limit=1)
        ranking = (await Retrieval(without, embedder).find(asked)).ranking
        if ranking.hits:
            found.append(ranking.features)
    return own_thresholds(found, calibration_of(manifest.embedder.name if manifest.embedder else None))
