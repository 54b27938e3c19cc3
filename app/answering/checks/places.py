"""Where a word stands: the words around it, weighted by nearness. Pure.

Two sentences that say the same in another order still have the same words around the same fact.
"""

from collections.abc import Mapping, Sequence

REACH = 5  # words to each side that say which place this is
_PARTS = {",", "and", "but", "or", "while"}  # what stands behind these says less
_BEHIND = 0.4

Place = Mapping[str, float]


def place_of(stems: Sequence[str | None], at: int, length: int) -> Place:
    """Around the `length` words from `at` on; None ends a sentence."""
    around: dict[str, float] = {}
    before, after = list(reversed(stems[:at])), stems[at + length :]
    for side in (before, after):
        near = 1.0
        for distance, word in enumerate(side[:REACH]):
            if word is None:
                break
            if word in _PARTS:
                near *= _BEHIND
            elif word:
                around[word] = max(around.get(word, 0.0), near / (1 + 0.3 * distance))
    return around


def fit(one: Place, other: Place) -> float:
    """0–1: how far two places have the same words around."""
    shared = sum(min(weight, other[word]) for word, weight in one.items() if word in other)
    total = max(sum(one.values()), sum(other.values()))
    return shared / total if total else 1.0
