"""Late interaction: how well the token vectors of an entry match each word of a question.

ColBERT's MaxSim (Khattab & Zaharia 2020) on the last layer of the embedder that is there anyway.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text as an embedder sees it: a unit vector per token, and the word that each token belongs to."""

    vectors: NDArray[np.float16]  # tokens by dimension; half precision, as many are kept in memory
    words: Sequence[str]  # in order
    word_of: NDArray[np.int32]  # for each token the position of its word


@dataclass(frozen=True, slots=True)
class Interaction:
    """Cosines, 0–1 in practice."""

    late: float  # mean over the question's content words, weighted by rarity
    late_min: float  # of the content word that the entry matches worst


def interaction(
    question: TokenVectors, entry: TokenVectors, rarity: Callable[[str], float], stop_words: Set[str]
) -> Interaction | None:
    """Each content word takes the best match of each of its tokens; None where a text has no word."""
    if not question.words or not len(entry.vectors):
        return None
    # Not by BLAS: it parts even this little between threads, and where the other core is busy the first of
    # them waits for the last, 12 to 28 ms where einsum takes .1 to .5.
    asked, held = question.vectors.astype(np.float32), entry.vectors.astype(np.float32)
    best = np.einsum("qd,ed->qe", asked, held).max(axis=1)
    count = len(question.words)
    sums = np.bincount(question.word_of, weights=best, minlength=count)
    tokens = np.bincount(question.word_of, minlength=count)
    content = [
        place for place, word in enumerate(question.words) if word[:1].isalnum() and word not in stop_words
    ]
    of = np.array(content or range(count))
    met = sums[of] / np.maximum(tokens[of], 1)
    weights = np.array([rarity(question.words[place]) for place in of])
    total = float(weights.sum())
    mean = float((met * weights).sum() / total) if total > 0 else float(met.mean())
    return Interaction(mean, float(met.min()))
