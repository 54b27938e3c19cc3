"""What changed in a sentence that otherwise repeats a sentence of the source. Pure.

In a near copy a single exchanged word is telling: a negation, an opposite, a name or a piece of code. Words
that only moved do not count.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from app.answering.checks.number_words import CARDINALS, ORDINALS
from app.answering.checks.polarity import OPPOSITES
from app.ranking.plain_text import stem

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
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w-]*[^\W_]|\b\w*[A-Z]\w*[A-Z]\w*\b")
_PLAIN = re.compile(r"[a-zà-öø-ÿ]+(?:-[a-zà-öø-ÿ]+)*")


def changed_word(sentence: str, sources: Sequence[str], whole: str = "") -> str | None:
    """The word that makes a near copy say something else than the folded sentence it copies.

    `whole` is all of the source: what is a name there is one at the beginning of a sentence, too.
    """
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
    return _exchanged(said, held, added, removed, whole) or _facts_moved(said, held)


def closeness(sentence: str, sources: Sequence[str]) -> float:
    """0–1: how many of its words the folded sentence shares with the most similar one of the source."""
    said = _tokens(sentence)
    return max((_common(said, _tokens(source)) for source in sources), default=0.0)


def _facts_moved(said: Sequence[str], held: Sequence[str]) -> str | None:
    """The same numbers and names in another order, where nothing else has moved."""
    facts, others = ([word for word in of if not _PLAIN.fullmatch(word)] for of in (said, held))
    words, held_words = ([word for word in of if _PLAIN.fullmatch(word)] for of in (said, held))
    if Counter(facts) != Counter(others) or words != held_words:
        return None
    return next((one for one, other in zip(facts, others, strict=True) if one != other), None)


def _exchanged(
    said: Sequence[str], held: Sequence[str], added: Counter[str], removed: Counter[str], whole: str
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
            if one in added and two in removed and stem(one) != stem(two) and _telling(other, there, whole):
                return word
    return None


def _telling(word: str, place: int, whole: str) -> bool:
    """Whether a word of the source is a name, a number or technical: not plain lower case."""
    if any(part in CARDINALS or part in ORDINALS for part in word.casefold().split("-")):
        return True
    if place and not _PLAIN.fullmatch(word):
        return True
    return not _PLAIN.fullmatch(word.casefold()) or (not place and word.casefold() in names_in(whole))


@lru_cache(maxsize=1_000)
def names_in(whole: str) -> frozenset[str]:
    """What has a capital inside a sentence, or more than one; casefolded."""
    return frozenset(name.casefold() for name in _NAME.findall(whole))


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
