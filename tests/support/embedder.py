"""An embedder that counts words: texts that share words are near each other."""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo, Vector
from app.ranking.interaction import TokenVectors
from app.ranking.plain_text import plain

_DIMENSION = 64


@dataclass
class HashEmbedder:
    """Each word counts at a place that its letters decide."""

    name: str = "hash"
    failure: Exception | None = None  # what every method raises

    async def info(self) -> EmbedderInfo:
        self._fail()
        return EmbedderInfo(self.name, f"digest of {self.name}", _DIMENSION)

    async def embed_question(self, question: str) -> Vector:
        self._fail()
        return _vector(question)

    async def token_vectors(self, question: str, entry: str) -> tuple[TokenVectors, TokenVectors]:
        self._fail()
        return _token_vectors(question), _token_vectors(entry)

    def embed_entries(self, entries: Iterable[FaqEntry]) -> Iterator[Vector]:
        self._fail()
        for entry in entries:
            yield _vector(plain(f"{entry.question} {entry.answer}"))

    def _fail(self) -> None:
        if self.failure:
            raise self.failure


def _token_vectors(text: str) -> TokenVectors:
    words = re.findall(r"\w+", text.casefold())
    vectors = np.zeros((len(words), _DIMENSION), dtype=np.float32)
    for place, word in enumerate(words):
        vectors[place, zlib.crc32(word.encode()) % _DIMENSION] = 1
    return TokenVectors(vectors.astype(np.float16), words, np.arange(len(words), dtype=np.int32))


def _vector(text: str) -> Vector:
    counts = np.zeros(_DIMENSION, dtype=np.float32)
    counts[0] = 0.1  # a text without words has a direction, too
    for word in re.findall(r"\w+", text.casefold()):
        counts[zlib.crc32(word.encode()) % _DIMENSION] += 1
    return counts / np.float32(np.linalg.norm(counts))
