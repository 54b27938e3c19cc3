"""What search sees of a text: words, pairs of words and pieces of words. Pure.

Questions and entries go through the same functions here before an index sees them, so both engines see the
same words. Only stop words and stemming, which depend on the language, are left to the engine.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from app.domain import FaqEntry
from app.ranking.candidates import WordStatistics

# English words that say how something is asked, not what about.
_STOP_WORDS = """
a about all also am an and any are as at be been but by can could d did do does doing don for from
get had has have having he her here him his how i if in into is it its just ll m may me might my no
not of on or our please re s shall she should so some such t than that the their them then there
these they this those to too us ve very was we were what when where which who whom whose why will
with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

MAX_QUESTION_WORDS = 64  # different ones: they set what a query costs, and no FAQ question needs more
_WORD = re.compile(r"[^\W_]{1,64}")  # letters and digits; a longer run is data, not a word: it comes in parts
_GRAM = 4
_COUNTED_WORDS = 400_000


def words(text: str) -> list[str]:
    """The words of a text in order, whatever their case or Unicode form."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def entry_words(entry: FaqEntry) -> Sequence[str]:
    """The words an entry can be found by."""
    return words(f"{entry.section} {entry.question} {entry.answer}")


def question_words(question: str) -> list[str]:
    """The words to search for: all, up to `MAX_QUESTION_WORDS` different ones."""
    taken: list[str] = []
    known: set[str] = set()
    for word in words(question):
        known.add(word)
        if len(known) > MAX_QUESTION_WORDS:
            break
        taken.append(word)
    return taken


def normalised_question(text: str) -> str:
    """Equal for questions that differ in case, spacing and punctuation only."""
    return " ".join(words(text))


def bigrams(of: Sequence[str]) -> list[str]:
    """Neighbouring words as one term."""
    return [f"{first}_{second}" for first, second in pairwise(of)]


def grams(of: Iterable[str]) -> list[str]:
    """The 4-character pieces of each word, its edges marked: `<cat>` gives `<cat`, `cat>`."""
    return [gram for word in of for gram in _grams_of(word)]


@lru_cache(maxsize=8_000)
def _grams_of(word: str) -> tuple[str, ...]:
    edged = f"<{word}>"
    return tuple(edged[start : start + _GRAM] for start in range(len(edged) - _GRAM + 1))


class WordCounter:
    """Counts in how many entries each word occurs.

    Memory is bounded: with too many different words at hand, those seen once so far are forgotten.
    """

    def __init__(self) -> None:
        self._entries = 0
        self._frequencies: Counter[str] = Counter()

    def add(self, of_entry: Iterable[str]) -> None:
        self._entries += 1
        self._frequencies.update(set(of_entry))
        if len(self._frequencies) > _COUNTED_WORDS:
            self._frequencies = Counter(self._repeated())

    def statistics(self) -> WordStatistics:
        return WordStatistics(self._entries, self._repeated())

    def _repeated(self) -> dict[str, int]:
        return {word: count for word, count in self._frequencies.items() if count > 1}


def word_statistics(entries: Iterable[FaqEntry]) -> WordStatistics:
    """The statistics of an index of these entries."""
    counter = WordCounter()
    for entry in entries:
        counter.add(entry_words(entry))
    return counter.statistics()
