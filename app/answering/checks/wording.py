"""Words as the checks compare them: stems and content words of plain, folded text. Pure."""

import re
from functools import lru_cache

from app.ranking.stop_words import STOP_WORDS

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+")
_WIDE = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_SUFFIX = re.compile(r"(?:ingly|ings?|edly|ed|ies|es|s|ly|ions?|ments?|er|ers|able|al)$")
# Words that carry a sentence but none of its content.
_EMPTY_WORDS = """
yes cannot without never must may need needs never only still however therefore thus hence both each either
every own per via upon while whether until unless within because since though although there here ll ve didn
doesn isn aren wasn weren won wouldn shouldn couldn hasn haven t s nor neither none unable longer using used
use uses following follow follows make makes made sure get gets also first then
"""
_EMPTY = STOP_WORDS | frozenset(_EMPTY_WORDS.split())


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """`word` (casefolded) without a common English ending."""
    if len(word) <= 4 or not word.isascii():
        return word
    bare = _SUFFIX.sub("", word)
    if len(bare) < 3:
        return word
    return bare[:-1] if len(bare) > 4 and (bare[-1] == "e" or bare[-1] == bare[-2]) else bare.rstrip("e")


def stems(text: str) -> list[str]:
    """Stems of all words in order; a run of a script without spaces gives its pairs of characters."""
    out: list[str] = []
    for word in WORD.findall(text.casefold()):
        if _WIDE.fullmatch(word):
            out += [word[at : at + 2] for at in range(max(1, len(word) - 1))]
        else:
            out += [stem(part) for part in word.split("'") if part]
    return out


@lru_cache(maxsize=4_000)
def content(text: str) -> frozenset[str]:
    """Stems of the content words."""
    found = set[str]()
    for word in WORD.findall(text.casefold()):
        if _WIDE.fullmatch(word):
            found.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
            continue
        found.update(stem(part) for part in word.split("'") if len(part) > 1 and part not in _EMPTY)
    return frozenset(found)
