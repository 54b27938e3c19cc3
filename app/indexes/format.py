"""JSON of entries, manifest and word statistics as indexes store it, and checks that all indexes share."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from typing import Any

from pydantic import TypeAdapter

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.errors import BadSettings, IndexUnreadable, NoPreviousVersion
from app.indexes.manifest import INDEX_SCHEMA, IndexVersion, Manifest
from app.ranking.candidates import WordStatistics
from app.ranking.languages import LANGUAGES

# They check the types and ignore fields that a later version of askd may have added.
_ENTRY, _STATISTICS = TypeAdapter(FaqEntry), TypeAdapter(WordStatistics)
_MANIFEST = TypeAdapter(Manifest)

DAMAGED = "the index is damaged; recreate it with `askd ingest FILE`"

# Up to this many vectors are searched exhaustively, more with an HNSW graph. Exhaustive search takes 0.2 ms
# of CPU for each 1,000 vectors of 384 dimensions, more than all else from here on; a graph takes 1 to 3 ms
# at any size, misses some neighbours, and takes two minutes of CPU to build for 100,000.
FLAT_VECTORS = 25_000


def entry_data(entry: FaqEntry) -> dict[str, Any]:
    return {each.name: getattr(entry, each.name) for each in fields(entry)}


def manifest_data(manifest: Manifest) -> dict[str, Any]:
    data = {each.name: getattr(manifest, each.name) for each in fields(manifest)}
    return data | {
        "created": manifest.created.isoformat(),
        "collections": dict(manifest.collections),
        "embedder": manifest.embedder and asdict(manifest.embedder),
        "thresholds": manifest.thresholds and asdict(manifest.thresholds),
        "spread": asdict(manifest.spread),
    }


def statistics_data(statistics: WordStatistics) -> dict[str, Any]:
    return {"entries": statistics.entries, "frequencies": dict(statistics.frequencies)}


def read_entry(data: Mapping[str, Any]) -> FaqEntry:
    with damage_translated():
        return _ENTRY.validate_python(data)


def read_manifest(data: Mapping[str, Any]) -> Manifest:
    with damage_translated():
        synonyms = tuple(tuple(group) for group in data.get("synonyms", ()))  # absent in schema 1
        return _MANIFEST.validate_python({**data, "synonyms": synonyms})


def read_statistics(data: Mapping[str, Any]) -> WordStatistics:
    with damage_translated():
        return _STATISTICS.validate_python(data)


@contextmanager
def damage_translated() -> Iterator[None]:
    """Translates errors of parsing stored data: the index is damaged, or is not an index of askd."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, FileNotFoundError) as error:
        raise IndexUnreadable(DAMAGED) from error


def check_schema(manifest: Manifest) -> Manifest:
    """Raises IndexUnreadable when the index has another schema than this version of askd can search."""
    if manifest.schema != INDEX_SCHEMA:
        raise IndexUnreadable(
            f"the index has the format of askd {manifest.askd}; recreate it with `askd index rebuild`"
        )
    return manifest


def check_dimension(vector: Vector, manifest: Manifest) -> None:
    """Raises IndexUnreadable when the vector has another dimension than the index."""
    embedder = manifest.embedder
    if embedder and vector.shape != (embedder.dimension,):
        raise IndexUnreadable(
            f"the index has vectors of {embedder.dimension} dimensions and cannot be searched with one of"
            f" {vector.size}; recreate it with `askd index rebuild`"
        )


def check_language(manifest: Manifest) -> None:
    """Raises BadSettings for a language without an analyser."""
    if manifest.language not in LANGUAGES:
        known = ", ".join(sorted(LANGUAGES))
        raise BadSettings(
            f"there is no analyser for the language {manifest.language!r}; choose one of {known}"
        )


def previous_version(versions: Iterable[IndexVersion]) -> IndexVersion:
    """The version to roll back to, already marked as current. Raises NoPreviousVersion."""
    for version in versions:
        if not version.current and version.manifest.schema == INDEX_SCHEMA:
            return replace(version, current=True)
    raise NoPreviousVersion("there is no previous version to go back to")
