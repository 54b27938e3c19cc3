"""From surveyed entries to a new version of the index."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import tee

from app.domain import FaqEntry
from app.embedders.base import ENTRY_TEXTS, Embedder
from app.indexes.base import IndexRecord, IndexStore
from app.indexes.manifest import INDEX_SCHEMA, ONE_COPY, Manifest, Spread
from app.ingest.own_questions import Scratch, measurable, measure, sampled
from app.ingest.survey import Survey
from app.ranking.confidence import Thresholds


async def publish(
    store: IndexStore,
    found: Survey,
    language: str,
    progress: Callable[[int], None],
    *,
    embedder: Embedder | None = None,
    synonyms: Sequence[Sequence[str]] = (),
    anew: bool = False,
    scratch: Scratch | None = None,
    spread: Spread = ONE_COPY,
) -> Manifest:
    """Publish what the survey found as a new version; returns the manifest in force.

    With `scratch`, which opens an empty index, the thresholds of this FAQ are measured there first.

    When the current version holds exactly this already it stays, unless `anew`. Raises what
    `IndexStore.publish` raises, EmbedderUnavailable, or BadFaqFile when the files changed since the survey.
    """
    now = datetime.now(UTC)
    wanted = Manifest(
        version=f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{found.digest[:8]}",
        created=now,
        askd=version("askd"),
        schema=INDEX_SCHEMA,
        language=language,
        digest=found.digest,
        collections=found.collections,
        embedder=await embedder.info() if embedder else None,
        synonyms=synonyms,
        entry_texts=ENTRY_TEXTS,
        other_scripts=found.other_scripts,
        spread=spread,
    )
    if not anew:
        for known in await store.versions():
            if known.current and _same(known.manifest, wanted):
                return known.manifest
    if scratch and embedder and measurable(wanted):
        wanted = replace(wanted, thresholds=await _measured(scratch, wanted, found, embedder))
    await store.publish(wanted, _records(found.entries(), embedder), progress)
    return wanted


async def _measured(scratch: Scratch, wanted: Manifest, found: Survey, embedder: Embedder) -> Thresholds:
    entries = sampled(list(found.entries()))
    collections = Counter(entry.collection for entry in entries)
    part = replace(wanted, collections=dict(collections))
    async with scratch() as index:
        return await measure(index, part, list(_records(iter(entries), embedder)), embedder)


def _records(entries: Iterator[FaqEntry], embedder: Embedder | None) -> Iterator[IndexRecord]:
    if embedder is None:
        yield from map(IndexRecord, entries)
        return
    written, embedded = tee(entries)
    for entry, vector in zip(written, embedder.embed_entries(embedded), strict=True):
        yield IndexRecord(entry, vector)


def _same(known: Manifest, wanted: Manifest) -> bool:
    return _content(known) == _content(wanted)


def _content(manifest: Manifest) -> tuple[object, ...]:
    synonyms = [list(group) for group in manifest.synonyms]
    texts = manifest.entry_texts if manifest.embedder else None
    spread = manifest.spread
    return manifest.digest, manifest.schema, manifest.language, manifest.embedder, texts, synonyms, spread
