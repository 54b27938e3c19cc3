"""What every index stores beside the analysed text and the vectors, as JSON: entries, manifest and word
statistics; and what holds for the vectors of every index."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo, Vector
from app.errors import BadSettings, IndexUnreadable, NoPreviousVersion
from app.indexes.manifest import INDEX_SCHEMA, IndexVersion, Manifest
from app.ranking.candidates import WordStatistics
from app.ranking.confidence import Thresholds
from app.ranking.languages import LANGUAGES

DAMAGED = "the index is damaged; make it anew with `askd ingest FILE`"

# Up to so many vectors a question is compared with each; a graph leads to the nearest of more. Measured on
# 2 busy cores, 384 dimensions: comparing with 100,000 takes 6–14 ms here and 20 ms in Elasticsearch, where
# a graph is no faster yet; and a graph misses some neighbours and takes minutes to build.
FLAT_VECTORS = 100_000


def entry_data(entry: FaqEntry) -> dict[str, Any]:
    return {each.name: getattr(entry, each.name) for each in fields(entry)}


def manifest_data(manifest: Manifest) -> dict[str, Any]:
    data = {each.name: getattr(manifest, each.name) for each in fields(manifest)}
    return data | {
        "created": manifest.created.isoformat(),
        "collections": dict(manifest.collections),
        "embedder": manifest.embedder and asdict(manifest.embedder),
        "thresholds": manifest.thresholds and asdict(manifest.thresholds),
    }


def statistics_data(statistics: WordStatistics) -> dict[str, Any]:
    return {"entries": statistics.entries, "frequencies": dict(statistics.frequencies)}


def read_entry(data: Mapping[str, Any]) -> FaqEntry:
    try:
        return FaqEntry(**data)
    except TypeError:
        with damage_reported():
            return FaqEntry(**_known(FaqEntry, data))


def read_manifest(data: Mapping[str, Any]) -> Manifest:
    with damage_reported():
        embedder = data.get("embedder")  # as the synonyms, not known to schema 1
        thresholds = data.get("thresholds")  # unknown to askd 0.1
        read = {
            "created": datetime.fromisoformat(data["created"]),
            "embedder": embedder and EmbedderInfo(**_known(EmbedderInfo, embedder)),
            "thresholds": thresholds and Thresholds(**_known(Thresholds, thresholds)),
            "synonyms": tuple(tuple(group) for group in data.get("synonyms", ())),
        }
        return Manifest(**{**_known(Manifest, data), **read})


def read_statistics(data: Mapping[str, Any]) -> WordStatistics:
    with damage_reported():
        return WordStatistics(**data)


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a later askd may have added."""
    return {each.name: data[each.name] for each in fields(kind) if each.name in data}


@contextmanager
def damage_reported() -> Iterator[None]:
    """What goes wrong in reading an index means that it is not one, or no longer."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, FileNotFoundError) as error:
        raise IndexUnreadable(DAMAGED) from error


def check_schema(manifest: Manifest) -> Manifest:
    """Raises IndexUnreadable when another askd wrote it, in a form this one cannot search."""
    if manifest.schema != INDEX_SCHEMA:
        raise IndexUnreadable(f"askd {manifest.askd} wrote the index; make it anew with `askd index rebuild`")
    return manifest


def check_dimension(vector: Vector, manifest: Manifest) -> None:
    """Raises IndexUnreadable for a vector of another embedder than the manifest's."""
    embedder = manifest.embedder
    if embedder and vector.shape != (embedder.dimension,):
        raise IndexUnreadable(
            f"the index holds vectors of {embedder.dimension} dimensions and cannot be searched with one of"
            f" {vector.size}; make it anew with `askd index rebuild`"
        )


def check_language(manifest: Manifest) -> None:
    """Raises BadSettings for a language that has no analyser."""
    if manifest.language not in LANGUAGES:
        known = ", ".join(sorted(LANGUAGES))
        raise BadSettings(f"there is no analyser for the language {manifest.language!r}; known are {known}")


def previous_version(versions: Iterable[IndexVersion]) -> IndexVersion:
    """What to roll back to, as it will be then. Raises NoPreviousVersion."""
    for version in versions:
        if not version.current and version.manifest.schema == INDEX_SCHEMA:
            return replace(version, current=True)
    raise NoPreviousVersion("there is no previous version to go back to")
