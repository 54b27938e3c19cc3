"""What changed in a sentence that otherwise repeats a sentence of the source. Pure.

In a near copy a single exchanged word is telling: a negation, an opposite, a name or a piece of code. Words
that only moved do not count.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from app.answering.checks.polarity import OPPOSITES
from app.answering.plain_text import stem

_NEAR = 0.78  # share of words in common, from which a sentence is a near copy
_TOKEN = re.compile(r"[^\s,;()\"']+(?:'[^\W\d_]+)?")
_NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "cannot",
        "without",
        "nor",
        "neither",
        "none",
        "unable",
        "nicht",
        "kein",
        "keine",
        "nie",
        "ohne",
    ]
)
_ONLY = frozenset(["only", "solely", "exclusively", "nur"])
_PLAIN = re.compile(r"[a-zà-öø-ÿ]+(?:-[a-zà-öø-ÿ]+)*")


def changed_word(sentence: str, sources: Sequence[str]) -> str | None:
    """The word that makes a near copy say something else than the folded sentence it copies."""
    said = _tokens(sentence)
    if len(said) < 3:
        return None
    copied = max(sources, key=lambda source: _common(said, _tokens(source)), default="")
    held = _tokens(copied)
    if _common(said, held) < _NEAR:
        return None
    low, held_low = [word.casefold() for word in said], [word.casefold() for word in held]
    added, removed = Counter(low) - Counter(held_low), Counter(held_low) - Counter(low)
    if (_negated(added) - _negated(removed)) % 2:
        return "negation"
    for word in added:
        opposites = OPPOSITES.get(word) or OPPOSITES.get(stem(word)) or frozenset()
        if any(other in opposites or stem(other) in opposites for other in removed):
            return word
    if (_ONLY & added.keys()) != (_ONLY & removed.keys()):
        return "only"
    return _exchanged(said, held, added, removed)


def _exchanged(
    said: Sequence[str], held: Sequence[str], added: Counter[str], removed: Counter[str]
) -> str | None:
    """A word in the place of a name or a technical term."""
    matcher = SequenceMatcher(
        None, [word.casefold() for word in said], [word.casefold() for word in held], False
    )
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "replace" or end - start != last - first:
            continue
        for here, there in zip(range(start, end), range(first, last), strict=True):
            word, other = said[here], held[there]
            one, two = word.casefold(), other.casefold()
            if one in added and two in removed and stem(one) != stem(two) and _telling(other, there):
                return word
    return None


def _telling(word: str, place: int) -> bool:
    """Whether a word of the source is a name or technical: not plain lower case, or capitalised inside."""
    return not _PLAIN.fullmatch(word) if place else not _PLAIN.fullmatch(word.casefold())


def _negated(words: Counter[str]) -> int:
    return sum(count for word, count in words.items() if word in _NEGATIONS or word.endswith("n't"))


def _common(one: Sequence[str], other: Sequence[str]) -> float:
    if not one or not other:
        return 0.0
    shared = sum((Counter(map(str.casefold, one)) & Counter(map(str.casefold, other))).values())
    return 2 * shared / (len(one) + len(other))


@lru_cache(maxsize=8_000)
def _tokens(sentence: str) -> Sequence[str]:
    return [word for token in _TOKEN.findall(sentence) if (word := token.strip(".:!?`[]"))]
