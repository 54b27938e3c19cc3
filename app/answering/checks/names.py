"""Names of people, products, places and systems in a sentence against those of its source. Pure.

In English a name is told by its capital. German and some others write every noun with one: there no word is
taken for a name.
"""

import re
from functools import lru_cache

from app.answering.code_spans import CODE
from app.ranking.plain_text import stem
from app.ranking.stop_words import STOP_WORDS, stop_words

_NAME = re.compile(r"(?<=[\w,;:)>/&+'\"] )[A-ZÀ-ÖØ-Þ][\w'-]*[^\W_]|\b[A-Z]{2,}\b")
_INSIDE = re.compile(r"(?<=[a-z,] )[A-Z][\w-]*[^\W_]|\b\w*[A-Z]\w*[A-Z]\w*\b")
_WORD = re.compile(r"[^\W\d_]+")
_NO_NAMES = STOP_WORDS | {"faq", "faqs", "ok", "yes", "no", "note", "also"}
_CAPITALISED_NOUNS = 0.15  # share of the words inside sentences
_GERMAN, _ENGLISH = stop_words("german") - STOP_WORDS, STOP_WORDS - stop_words("german")


def missing_names(sentence: str, source: str) -> list[str]:
    """Capitalised names and acronyms that the source lacks."""
    found = [match.group() for match in _NAME.finditer(CODE.sub(" ", sentence))]
    if not found or capitalises_nouns(source) or capitalises_nouns(sentence):
        return []
    held = stems_in(source)
    return [
        name
        for name in found
        if name.casefold() not in _NO_NAMES
        and not all(stem(part) in held for part in re.findall(r"[^\W_]+", name.casefold().removesuffix("'s")))
    ]


@lru_cache(maxsize=1_000)
def names_in(source: str) -> frozenset[str]:
    """What has a capital inside a sentence, or more than one; casefolded."""
    if capitalises_nouns(source):
        return frozenset()
    return frozenset(name.casefold() for name in _INSIDE.findall(source))


@lru_cache(maxsize=4_000)
def capitalises_nouns(text: str) -> bool:
    """Whether the text's language writes nouns with a capital, as German does."""
    words = _WORD.findall(text)
    nouns = sum(word[0].isupper() and word[1:].islower() for word in words)
    german = sum(word.casefold() in _GERMAN for word in words)
    english = sum(word.casefold() in _ENGLISH for word in words)
    return german > english and nouns > _CAPITALISED_NOUNS * len(words)


@lru_cache(maxsize=2_000)
def stems_in(source: str) -> frozenset[str]:
    """The stems of all words of a text."""
    return frozenset(stem(word) for word in re.findall(r"[^\W_]+", source.casefold()))
