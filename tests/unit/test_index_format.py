"""What an index stores has the right types, or the index is damaged: nothing odd reaches the ranking."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain import FaqEntry
from app.errors import IndexUnreadable
from app.indexes.format import (
    entry_data,
    manifest_data,
    read_entry,
    read_manifest,
    read_statistics,
    statistics_data,
)
from app.indexes.manifest import INDEX_SCHEMA, Manifest
from app.ranking.candidates import WordStatistics
from app.ranking.confidence import Thresholds

ENTRY = FaqEntry("1", "course", "Can I join?", "Yes.", "General")
STATISTICS = WordStatistics(2, {"join": 2})
MANIFEST = Manifest(
    version="v",
    created=datetime(2026, 1, 1, tzinfo=UTC),
    askd="0.2.0",
    schema=INDEX_SCHEMA,
    language="english",
    digest="d",
    collections={"course": 1},
    synonyms=(("pc", "computer"),),
    thresholds=Thresholds(0.5, 0.2),
)
Read = Callable[[Mapping[str, Any]], object]
STORED: list[tuple[Read, object, Mapping[str, Any]]] = [
    (read_entry, ENTRY, entry_data(ENTRY)),
    (read_statistics, STATISTICS, statistics_data(STATISTICS)),
    (read_manifest, MANIFEST, manifest_data(MANIFEST)),
]


@pytest.mark.parametrize(("read", "expected", "data"), STORED)
def test_what_was_stored_is_read_with_what_a_later_version_may_add(
    read: Read, expected: object, data: Mapping[str, Any]
) -> None:
    assert read({**data, "later": 1}) == expected


@pytest.mark.parametrize(
    ("read", "data", "name"),
    [(read, data, name) for read, _, data in STORED for name in data],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", "data"),
)
def test_a_value_of_another_type_is_damage(read: Read, data: Mapping[str, Any], name: str) -> None:
    with pytest.raises(IndexUnreadable):
        read({**data, name: [[{"odd": 1}]]})
