"""Metadata of an index and of each of its versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.embedders.base import EmbedderInfo
from app.ranking.confidence import Thresholds

INDEX_SCHEMA = 2  # incremented when storage or analysis changes: older indexes need `askd index rebuild`


@dataclass(frozen=True, slots=True)
class Spread:
    """How an index is spread over the nodes of a cluster; the embedded index is whole in one place."""

    shards: int = 1  # parts of the index
    replicas: int = 0  # further copies of each part, on other nodes


ONE_COPY = Spread()


@dataclass(frozen=True, slots=True)
class Manifest:
    """Metadata of one index version; written with it, never changed afterwards."""

    version: str
    created: datetime  # UTC
    askd: str  # the version of askd that wrote it
    schema: int
    language: str  # of the analysers
    digest: str  # sha256 of the entries, whatever their order
    collections: Mapping[str, int]  # name -> number of entries
    embedder: EmbedderInfo | None = None  # None: lexical only
    # Groups of synonyms; a question with one of them is searched with all.
    synonyms: Sequence[Sequence[str]] = ()
    entry_texts: int = 1  # the `ENTRY_TEXTS` its entries were embedded with; vectors of all of them compare
    # Measured at ingest for semantic search; None: those of the embedder's calibration apply.
    thresholds: Thresholds | None = None
    other_scripts: int = 0  # entries in another script than the Latin one
    spread: Spread = ONE_COPY

    @property
    def entries(self) -> int:
        return sum(self.collections.values())

    @property
    def unreadable(self) -> str | None:
        """A warning where the embedder cannot read some of the entries."""
        if not self.embedder or not self.embedder.latin_only or not self.other_scripts:
            return None
        return (
            f"{self.other_scripts} of {self.entries} entries are in a script that {self.embedder.name} "
            "cannot read, and are found by their words only; ASKD_EMBEDDER=multilingual-e5-small reads them"
        )


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One stored version, as `askd index list` shows it."""

    manifest: Manifest
    current: bool
    size_bytes: int
    vectors: Literal["flat", "hnsw"] | None = None  # how vectors are searched: exhaustively, or with a graph
