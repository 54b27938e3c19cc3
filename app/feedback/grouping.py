"""Questions that ask for the same, by the similarity of their vectors. Pure."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.ranking.plain_text import content
from app.ranking.text import grams

Vectors = NDArray[np.float32]  # a row for each question, of unit length or shorter

# The least mean cosine of the questions of a group, fitted on tests/support/gap_week.py.
WORDS_ALIKE = 0.2
MEANING_ALIKE = 0.34
_DIMENSION = 2_048  # of vectors of words: the words share places, which few of them do at once
_GRAMS = 0.5  # weight of the pieces of a word, which forgive typos, against the word itself
_MANY = 100  # questions, of which three have to share a word for it to count; of fewer two


def word_vectors(questions: Sequence[str], background: Sequence[str]) -> Vectors:
    """Content words and their pieces, rare ones more; `background` are other questions to count them in.

    What a question shares with no other makes its vector shorter: else the one piece of a word that two
    questions have in common would be all there is of both.
    """
    terms = [_terms(question) for question in questions]
    shared = Counter(term for of in terms for term in of)
    found = shared + Counter(term for question in background for term in _terms(question))
    least, number = 3 if len(questions) >= _MANY else 2, len(questions) + len(background)
    vectors = np.zeros((len(questions), _DIMENSION), np.float32)
    lengths = np.zeros((len(questions), 1), np.float32)
    for at, of in enumerate(terms):
        weights = {term: weight * math.log(1 + number / found[term]) for term, weight in of.items()}
        lengths[at] = math.hypot(*weights.values())
        for term, weight in weights.items():
            if shared[term] >= least:
                vectors[at, _place(term)] += weight
    return np.divide(vectors, np.maximum(lengths, 1e-9), dtype=np.float32)


def centred(vectors: Vectors, background: Vectors) -> Vectors:
    """Without what all questions have in common, which is much of an embedder's vector."""
    return _unit(vectors - np.vstack([vectors, background]).mean(axis=0))


def grouped(vectors: Vectors, alike: float) -> list[list[int]]:
    """Positions of the questions of each group: first those that come first are groups to join, then groups
    are joined while the mean cosine between them is at least `alike`."""
    members: list[list[int]] = []
    sums = np.zeros_like(vectors)  # of the members' vectors, a row for each group
    sizes = np.zeros(len(vectors), np.float32)
    for position, vector in enumerate(vectors):
        count = len(members)
        near = (sums[:count] @ vector) / np.maximum(sizes[:count], 1)
        best = int(near.argmax()) if count else 0
        if not count or near[best] < alike:
            members.append([])
            best = count
        members[best].append(position)
        sums[best] += vector
        sizes[best] += 1
    return _joined(members, sums[: len(members)], sizes[: len(members)], alike)


def _unit(vectors: Vectors) -> Vectors:
    """Rows of zeros stay."""
    lengths: Vectors = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return np.divide(vectors, lengths, dtype=np.float32)


def _joined(members: list[list[int]], sums: Vectors, sizes: Vectors, alike: float) -> list[list[int]]:
    near = (sums @ sums.T) / np.outer(sizes, sizes)
    np.fill_diagonal(near, -1.0)
    while len(near) > 1:
        first, second = sorted(map(int, np.unravel_index(int(near.argmax()), near.shape)))
        if near[first, second] < alike:
            break
        members[first] += members[second]
        members[second] = []
        sums[first] += sums[second]
        sizes[first] += sizes[second]
        near[first] = near[:, first] = (sums @ sums[first]) / (sizes * sizes[first])
        near[first, first] = -1.0
        sizes[second] = 1.0
        sums[second] = 0.0
        near[second] = near[:, second] = -1.0
    return [group for group in members if group]


def _terms(question: str) -> dict[str, float]:
    words = content(question)
    return dict.fromkeys(grams(words), _GRAMS) | dict.fromkeys(words, 1.0)


@lru_cache(maxsize=50_000)
def _place(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4).digest()) % _DIMENSION
