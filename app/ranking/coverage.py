"""Coverage: how much of a text's content FAQ entries hold. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import OSA, Prefix

from app.domain import FaqEntry
from app.ranking.candidates import WordStatistics
from app.ranking.stop_words import stop_words
from app.ranking.text import entry_words, is_pair, words

# A word of at least five letters also counts where another with the same first letter is nearly the same: but
# for a typo, which few make in the first letter, or for its ending. "Refund" is not "refused", nor are
# "equations" "questions".
_FUZZY_LETTERS = 5
_TYPO = 0.79  # 1 − edits (swaps of neighbours are one) / letters of the longer word
_SAME_STEM = 0.6  # of the letters of the longer word both begin with


def coverage(text: str, entry: FaqEntry, statistics: WordStatistics, language: str = "english") -> float:
    """How much of a text's content an entry holds: the share of its words, weighted by rarity; 0–1."""
    return coverages(text, [entry], statistics, language)[0]


def coverages(
    text: str, entries: Sequence[FaqEntry], statistics: WordStatistics, language: str = "english"
) -> Sequence[float]:
    """The same for each of several entries."""
    weights = _rarity(words(text), statistics, stop_words(language))
    return [_share(weights, [_vocabulary(entry)]) for entry in entries]


def coverage_by(
    text: str, entries: Iterable[FaqEntry], statistics: WordStatistics, language: str = "english"
) -> float:
    """The same for what several entries hold together."""
    weights = _rarity(words(text), statistics, stop_words(language))
    return _share(weights, [_vocabulary(entry) for entry in entries])


def _share(weights: Mapping[str, float], vocabularies: "Sequence[_Vocabulary]") -> float:
    total = sum(weights.values())
    if not total:
        return 0.0
    held = frozenset[str]().union(*[each.words for each in vocabularies])
    covered = [
        weight
        for word, weight in weights.items()
        if word in held or any(_nearly(word, each.long) for each in vocabularies)
    ]
    return sum(covered) / total


def _rarity(of: Sequence[str], statistics: WordStatistics, stopped: Set[str]) -> Mapping[str, float]:
    """Inverse document frequency as in BM25 (Robertson & Spärck Jones 1976), of content words only."""
    entries, frequency_of = statistics.entries, statistics.frequencies.get
    return {word: _idf(entries, frequency_of(word, 1)) for word in _content(of, stopped)}


def _content(of: Sequence[str], stopped: Set[str]) -> Iterable[str]:
    """Without stop words, and without pairs of characters of which one belongs to a stop word.

    Of 怎么退款 the pair 么退 is no word of either.
    """
    torn = set[int]()
    for place, (first, second) in enumerate(pairwise(of)):
        if _overlap(first, second):
            torn |= {place + 1} if first in stopped else {place} if second in stopped else set()
    return (word for place, word in enumerate(of) if word not in stopped and place not in torn)


def _overlap(first: str, second: str) -> bool:
    """Whether two neighbours are pairs of characters that share one."""
    return is_pair(first) and is_pair(second) and first[1] == second[0]


def rarity(word: str, statistics: WordStatistics) -> float:
    """Inverse document frequency of one word."""
    return _idf(statistics.entries, statistics.frequencies.get(word, 1))


@lru_cache(maxsize=5_000)
def _idf(entries: int, frequency: int) -> float:
    return math.log(1 + (entries - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The different words of an entry, and those a word of a question may be nearly the same as."""

    words: Set[str]
    long: Mapping[str, Sequence[str]]  # by their first letters


@lru_cache(maxsize=500)  # the entries asked for most; words are looked for in the same ones again and again
def _vocabulary(entry: FaqEntry) -> _Vocabulary:
    held = frozenset(entry_words(entry))
    long = defaultdict[str, list[str]](list)
    for word in held:
        if len(word) >= _FUZZY_LETTERS - 1:
            long[word[0]].append(word)
    return _Vocabulary(held, dict(long))


def _nearly(word: str, held: Mapping[str, Sequence[str]]) -> bool:
    others = held.get(word[0], ())
    if len(word) < _FUZZY_LETTERS or not others:
        return False
    if any(_same_stem(word, other) for other in others):
        return True
    near = process.extractOne(word, others, scorer=OSA.normalized_similarity, score_cutoff=_TYPO)
    return near is not None


def _same_stem(word: str, other: str) -> bool:
    return Prefix.similarity(word, other) >= max(_FUZZY_LETTERS - 1, _SAME_STEM * max(len(word), len(other)))
