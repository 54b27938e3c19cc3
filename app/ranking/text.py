"""What search sees of a text: words, pairs of words and pieces of words. Pure.

Questions and entries go through the same functions here before an index sees them, so both engines see the
same words. Only stop words and stemming, which depend on the language, are left to the engine.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from app.domain import FaqEntry
from app.ranking.candidates import WordStatistics

MAX_QUESTION_WORDS = 64  # different ones: they set what a query costs, and no FAQ question needs more
# Names that differ from others only in a punctuation mark: C++, C#, F#, .NET.
SIGNED_NAME = re.compile(r"(?<!\w)[A-Za-z](?:\+\+|#)(?!\w)|(?<![\w.])\.NET\b", re.IGNORECASE)
MAX_CONTEXT_WORDS = 256  # different ones, of a conversation
CONTEXT_WEIGHT = 0.3  # of a word said before, against one of the question; of the meaning of both, too
_WORD = re.compile(r"[^\W_]{1,64}")  # letters and digits; a longer run is data, not a word: it comes in parts
# Scripts without spaces between words: Thai, Lao, Khmer, Burmese, kana, Han; and Hangul, whose words carry
# their particles with them.
SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_RUNS = re.compile(f"[{SPACELESS}]+|[^{SPACELESS}]+")
_PAIRED = re.compile(f"[{SPACELESS}]")
_MOST_MARKS = 30  # combining marks in a row, as in Unicode's stream-safe text format (UAX #15)
_NO_MARK = "\u034f"  # combining grapheme joiner: invisible, and marks are not put in order across it
_LONG_RUN = re.compile(rf"[^\w\0-\u02ff]{{{_MOST_MARKS + 1},}}")  # may hold too many marks: none is in \w
_GRAM = 4
# A piece of words that a tenth of all entries hold says little, and is most of what a search costs: without
# those, words take half of the time. Only in large indexes, where that is to be felt.
_COMMON_SHARE = 0.1
_LARGE = 20_000  # entries
_COUNTED_WORDS = 400_000


def composed(text: str) -> str:
    """The text as NFC, in linear time: to put a run of combining marks in order takes quadratic time, so
    longer ones than any language has are broken up, as Unicode's stream-safe text format does."""
    return text if text.isascii() else unicodedata.normalize("NFC", _LONG_RUN.sub(_broken_up, text))


def _broken_up(run: re.Match[str]) -> str:
    pieces, marks = [], 0
    for character in run[0]:
        parts = unicodedata.normalize("NFD", character)
        marks = marks + len(parts) if unicodedata.combining(parts[0]) else 0
        if marks > _MOST_MARKS:
            pieces.append(_NO_MARK)
            marks = len(parts)
        pieces.append(character)
    return "".join(pieces)


def words(text: str) -> list[str]:
    """The words of a text in order, whatever their case or Unicode form.

    Of scripts without spaces the pairs of neighbouring characters: 退款吗 gives 退款 and 款吗.
    """
    if text.isascii():
        return _WORD.findall(text.casefold())
    text = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = _WORD.findall(text)
    if not _PAIRED.search(text):
        return found
    return [part for word in found for run in _RUNS.findall(word) for part in _parts(run)]


def _parts(run: str) -> Iterable[str]:
    if len(run) < 2 or not _PAIRED.match(run):
        return (run,)
    return (run[at : at + 2] for at in range(len(run) - 1))


def is_pair(word: str) -> bool:
    """Whether a word is a pair of characters of a script without spaces."""
    return len(word) == 2 and _PAIRED.match(word) is not None


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


def context_words(context: str, asked: Collection[str]) -> Sequence[str]:
    """The words of what was said before, each once, without those of the question itself."""
    found = dict.fromkeys(word for word in words(context) if word not in asked)
    return list(found)[:MAX_CONTEXT_WORDS]


def normalised_question(text: str) -> str:
    """Equal for questions that differ in case, spacing and punctuation only, but not C, C++ and C#."""
    return " ".join([*words(text), *map(str.casefold, SIGNED_NAME.findall(text))])


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


def common_grams(statistics: WordStatistics) -> frozenset[str]:
    """The grams that searches of a large index leave out; none in others.

    How many entries hold a gram is estimated as the sum of those of its words, which counts some twice.
    """
    if statistics.entries < _LARGE:
        return frozenset()
    least = statistics.entries * _COMMON_SHARE
    held: Counter[str] = Counter()
    for word, entries in statistics.frequencies.items():
        if entries > least / 1000:  # the many rare words add little
            for gram in set(grams([word])):
                held[gram] += entries
    return frozenset(gram for gram, entries in held.items() if entries > least)


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


def mostly_latin(text: str) -> bool:
    """Whether at least half of a text's letters are of the Latin script; true where it has none."""
    if text.isascii():
        return True
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(character, "").startswith("LATIN") for character in letters)
    return 2 * latin >= len(letters)
