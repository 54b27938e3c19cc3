"""What every index stores beside the analysed text, as JSON: entries, manifest and word statistics."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from app.domain import INDEX_SCHEMA, FaqEntry, IndexVersion, Manifest, WordStatistics
from app.errors import BadSettings, IndexUnreadable, NoPreviousVersion
from app.text import LANGUAGES

DAMAGED = "the index is damaged; make it anew with `askd ingest FILE`"


def entry_data(entry: FaqEntry) -> dict[str, Any]:
    return {each.name: getattr(entry, each.name) for each in fields(entry)}


def manifest_data(manifest: Manifest) -> dict[str, Any]:
    data = {each.name: getattr(manifest, each.name) for each in fields(manifest)}
    return data | {"created": manifest.created.isoformat(), "collections": dict(manifest.collections)}


def statistics_data(statistics: WordStatistics) -> dict[str, Any]:
    return {"entries": statistics.entries, "frequencies": dict(statistics.frequencies)}


def read_entry(data: Mapping[str, Any]) -> FaqEntry:
    with damage_reported():
        return FaqEntry(**_known(FaqEntry, data))


def read_manifest(data: Mapping[str, Any]) -> Manifest:
    with damage_reported():
        created = datetime.fromisoformat(data["created"])
        return Manifest(**{**_known(Manifest, data), "created": created})


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
