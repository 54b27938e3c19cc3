"""What an index says of itself, and of each of its versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.embedders.base import EmbedderInfo
from app.ranking.confidence import Thresholds

INDEX_SCHEMA = 2  # counts up when an index stores or analyses something else: older ones need `rebuild`


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index says of itself; written with it, never changed afterwards."""

    version: str
    created: datetime  # UTC
    askd: str  # the version of askd that wrote it
    schema: int
    language: str  # of the analysers
    digest: str  # sha256 of the entries, whatever their order
    collections: Mapping[str, int]  # name -> number of entries
    embedder: EmbedderInfo | None = None  # None: lexical only
    # Groups of words that mean the same here; a question with one of them is searched with all.
    synonyms: Sequence[Sequence[str]] = ()
    # Measured at ingest for searches by meaning; None: those of the embedder's calibration hold.
    thresholds: Thresholds | None = None

    @property
    def entries(self) -> int:
        return sum(self.collections.values())


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One version on disk or in the cluster, as `askd index list` shows it."""

    manifest: Manifest
    current: bool
    size_bytes: int
    vectors: Literal["flat", "hnsw"] | None = None  # how its vectors are searched: all of them, or a graph
