"""A FAQ of any size that nobody wrote, drawn from a real one: the same for the same source, size and seed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo
from app.indexes.base import IndexRecord
from tools.bench.scale.source import Source

SEED = 1
NOISE = 0.5  # of a vector, against the spread of the real ones
_COLLECTIONS = 20
_CHUNK = 1000
_MADE_UP = 200_000  # words that the source does not have
_LONGEST = 14

Vectors = NDArray[np.float32]


class SyntheticFaq:
    """Words are drawn one by one, as often as in the source. A word that occurs only once there stands for
    those it does not have (Good and Turing's estimate): as many are drawn from made-up words, which follow
    Zipf's law and are spelled with the source's letter trigrams.

    Vectors are those of source entries plus normal noise of the covariance of all of them, `NOISE` times:
    a smoothed bootstrap, which keeps mean, covariance and clusters.
    """

    def __init__(self, source: Source, size: int, seed: int = SEED) -> None:
        self.size = size
        self.embedder = EmbedderInfo("synthetic", f"noise {NOISE}, seed {seed}", source.dimension)
        self._source, self._seed = source, seed
        drawing = np.random.default_rng(seed)
        made_up = _made_up(source.words.tolist(), drawing, min(_MADE_UP, 10 * len(source.words)))
        self._words = np.array([*source.words.tolist(), *made_up], dtype=object)
        unseen = (source.counts == 1).sum() / source.counts.sum()
        tail = 1 / np.arange(1, len(made_up) + 1)
        seen = source.counts / source.counts.sum() * (1 - unseen)
        self._cumulated = np.cumsum([*seen, *(tail / tail.sum() * unseen)])
        self._mean = source.vectors.mean(axis=0)
        _, spread, axes = np.linalg.svd(source.vectors - self._mean, full_matrices=False)
        self._shape = (spread[:, None] * axes / np.sqrt(max(len(source.vectors) - 1, 1))).astype(np.float32)

    @property
    def collections(self) -> dict[str, int]:
        sizes = {f"c{each}": len(range(each, self.size, _COLLECTIONS)) for each in range(_COLLECTIONS)}
        return {name: size for name, size in sizes.items() if size}

    def records(self) -> Iterator[IndexRecord]:
        texts = self._texts()
        for start, vectors in self.vectors():
            for number, vector in enumerate(vectors, start):
                section, question, answer = next(texts)
                entry = FaqEntry(str(number), f"c{number % _COLLECTIONS}", question, answer, section)
                yield IndexRecord(entry, vector)

    def vectors(self) -> Iterator[tuple[int, Vectors]]:
        """In batches, each with the number of its first entry, which is its id."""
        for start in range(0, self.size, _CHUNK):
            drawing = np.random.default_rng([self._seed, start, 1])
            rows = self._rows(start)
            noise = drawing.standard_normal((len(rows), len(self._shape)), dtype=np.float32) @ self._shape
            around = self._source.vectors[rows] - self._mean + np.float32(NOISE) * noise
            vectors = self._mean + around / np.float32(np.sqrt(1 + NOISE**2))
            yield start, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _texts(self) -> Iterator[Sequence[str]]:
        """Section, question and answer of each entry."""
        for start in range(0, self.size, _CHUNK):
            drawing = np.random.default_rng([self._seed, start, 2])
            lengths = self._source.lengths[self._rows(start)]
            places = np.searchsorted(self._cumulated, drawing.random(int(lengths.sum())))
            drawn = iter(self._words[np.minimum(places, len(self._words) - 1)].tolist())
            for of_entry in lengths.tolist():
                yield [" ".join(islice(drawn, length)) for length in of_entry]

    def _rows(self, start: int) -> NDArray[np.int64]:
        """The source entries that the batch from `start` on is drawn around."""
        drawing = np.random.default_rng([self._seed, start, 0])
        return drawing.integers(len(self._source.vectors), size=min(_CHUNK, self.size - start))


def _made_up(known: Sequence[str], drawing: np.random.Generator, count: int) -> Sequence[str]:
    """Words that are not known, whose letters follow each other as in those that are."""
    following: defaultdict[str, list[str]] = defaultdict(list)
    for word in known:
        edged = f"^^{word}$"
        for start in range(len(word) + 1):
            following[edged[start : start + 2]].append(edged[start + 2])
    taken = set(known)
    made: list[str] = []
    for _ in range(50 * count):  # few known words allow few others
        word, pair = "", "^^"
        while len(word) < _LONGEST:
            after = following[pair]
            letter = after[int(drawing.random() * len(after))]
            if letter == "$":
                break
            word, pair = word + letter, pair[1] + letter
        if word not in taken:
            taken.add(word)
            made.append(word)
            if len(made) == count:
                break
    return made
