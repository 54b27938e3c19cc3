"""The port of embedders: text in, vectors of unit length out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.domain import FaqEntry
from app.ranking.interaction import TokenVectors

ENTRY_TEXTS = 2  # which form of an entry's text is embedded. 1: as it is, with its markup; 2: plain text

Vector = NDArray[np.float32]  # of unit length, so that a dot product is a cosine


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Which embedder makes the vectors: those of two embedders cannot be compared."""

    name: str
    digest: str  # of its files and of how it pools and prefixes
    dimension: int
    latin_only: bool = False  # it cannot read other scripts: texts in them are compared by words


class Embedder(Protocol):
    """Turns text into vectors of unit length. Every method loads the model first if need be."""

    async def info(self) -> EmbedderInfo:
        """Raises EmbedderUnavailable."""
        ...

    async def embed_question(self, question: str) -> Vector:
        """The vector to search with; never blocks the event loop. Raises EmbedderUnavailable."""
        ...

    async def token_vectors(self, question: str, entry: str) -> tuple[TokenVectors, TokenVectors]:
        """Of a question and of the beginning of an entry's text; those of texts seen lately are cached.

        Never blocks the event loop. Raises EmbedderUnavailable.
        """
        ...

    def embed_entries(self, entries: Iterable[FaqEntry]) -> Iterator[Vector]:
        """One vector for each entry, of all its plain text, however long; for ingest, so it may block.

        Raises EmbedderUnavailable.
        """
        ...
