"""FAQs of any size that nobody wrote: words as frequent as in language, vectors in clusters as of texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo, Vector
from app.indexes.base import IndexRecord
from app.ranking.stop_words import STOP_WORDS

DIMENSION = 384
EMBEDDER = EmbedderInfo("synthetic", "drawn at random", DIMENSION)
_COLLECTIONS = 5
_WORDS = 30_000
_ENTRIES_PER_CLUSTER = 50
_SPREAD = 0.8  # the length of what is added to the cluster's centre, which has length 1


@dataclass(frozen=True)
class Asked:
    question: str
    vector: Vector


class SyntheticFaq:
    """The same for the same size and seed."""

    def __init__(self, size: int, seed: int = 1) -> None:
        self.size = size
        self._seed = seed
        drawing = np.random.default_rng(seed)
        made_up = [_word(drawing) for _ in range(_WORDS - len(STOP_WORDS))]
        self._words = np.array([*sorted(STOP_WORDS), *made_up])  # the most frequent words come first
        frequencies = 1 / np.arange(1, _WORDS + 1)  # Zipf's law
        self._cumulated = np.cumsum(frequencies / frequencies.sum())
        clusters = drawing.standard_normal((size // _ENTRIES_PER_CLUSTER + 1, DIMENSION), dtype=np.float32)
        self._centres = clusters / np.linalg.norm(clusters, axis=1, keepdims=True)

    @property
    def collections(self) -> dict[str, int]:
        return {f"c{each}": len(range(each, self.size, _COLLECTIONS)) for each in range(_COLLECTIONS)}

    def records(self) -> Iterator[IndexRecord]:
        drawing = np.random.default_rng(self._seed + 1)
        for number in range(self.size):
            question, answer = self._text(drawing, 10), self._text(drawing, int(drawing.integers(30, 120)))
            entry = FaqEntry(
                str(number), f"c{number % _COLLECTIONS}", question, answer, self._text(drawing, 2)
            )
            yield IndexRecord(entry, self._vector(drawing))

    def questions(self, count: int) -> Sequence[Asked]:
        drawing = np.random.default_rng(self._seed + 2)
        return [Asked(self._text(drawing, 8), self._vector(drawing)) for _ in range(count)]

    def _text(self, drawing: np.random.Generator, length: int) -> str:
        places = np.searchsorted(self._cumulated, drawing.random(length))
        return " ".join(self._words[np.minimum(places, _WORDS - 1)])

    def _vector(self, drawing: np.random.Generator) -> Vector:
        aside = drawing.standard_normal(DIMENSION, dtype=np.float32) * np.float32(_SPREAD / DIMENSION**0.5)
        vector: Vector = self._centres[drawing.integers(len(self._centres))] + aside
        return vector / np.float32(np.linalg.norm(vector))


def _word(drawing: np.random.Generator) -> str:
    return "".join(drawing.choice(list("abcdefghijklmnopqrstuvwxyz"), int(drawing.integers(2, 11))))
