"""What changed in a sentence that otherwise repeats a sentence of the source. Pure.

In a near copy a single exchanged word is telling: a negation, an opposite, a name or a piece of code. Words
that only moved do not count.
"""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from app.answering.checks.names import capitalises_nouns, names_in
from app.answering.checks.number_words import CARDINALS, ORDINALS, in_words
from app.answering.checks.polarity import OPPOSITES
from app.ranking.plain_text import content, stem

_NEAR = 0.78  # share of words in common, from which a sentence is a near copy
_TOKEN = re.compile(r"[^\s,;()\"']+(?:'[^\W\d_]+)?")
_NEGATING = (
    "not no never cannot without nor neither none unable fail fails failed failing refuse refuses refused "
    "nicht kein keine nie ohne"
)
_NEGATIONS = frozenset(_NEGATING.split())
_ONLY = frozenset(["only", "solely", "exclusively", "nur"])
_PRONOUNS = frozenset(["it", "this", "that", "they", "these", "those", "he", "she", "er", "es", "dies"])
_LONGEST_SUBJECT = 3  # words
_LONGEST_NUMBER = 18  # digits; no number that is written in words is longer
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
    return _exchanged(said, held, added, removed, whole) or _facts_moved(
        said, held, nouns=capitalises_nouns(whole or copied)
    )


def closeness(sentence: str, sources: Sequence[str]) -> float:
    """0–1: how many of its words the folded sentence shares with the most similar one of the source."""
    said = _tokens(sentence)
    return max((_common(said, _tokens(source)) for source in sources), default=0.0)


def _facts_moved(said: Sequence[str], held: Sequence[str], *, nouns: bool) -> str | None:
    """The same numbers and names in another order, where nothing else has moved.

    Where all `nouns` have a capital, they are no names: "Rechnungen finden Kunden im Konto" may say the same.
    """

    def is_fact(word: str) -> bool:
        return not _PLAIN.fullmatch(word.casefold() if nouns and word.istitle() else word)

    facts, others = ([word for word in of if is_fact(word)] for of in (said, held))
    words, held_words = ([word for word in of if not is_fact(word)] for of in (said, held))
    if Counter(facts) != Counter(others) or words != held_words:
        return None
    return next((one for one, other in zip(facts, others, strict=True) if one != other), None)


def _exchanged(
    said: Sequence[str], held: Sequence[str], added: Counter[str], removed: Counter[str], whole: str
) -> str | None:
    """A word in the place of a name or a technical term, or a new one in the place of a pronoun."""
    matcher = SequenceMatcher(
        None, [word.casefold() for word in said], [word.casefold() for word in held], False
    )
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "replace":
            continue
        if last - first == 1 and held[first].casefold() in _PRONOUNS and end - start <= _LONGEST_SUBJECT:
            unknown = (word for word in said[start:end] if content(word) - content(whole))
            if word := next(unknown, None):
                return word
            continue
        if end - start != last - first:
            continue
        for here, there in zip(range(start, end), range(first, last), strict=True):
            word, other = said[here], held[there]
            one, two = word.casefold(), other.casefold()
            if one not in added or two not in removed or stem(one) == stem(two) or _same_number(one, two):
                continue
            if _telling(other, there, whole):
                return word
    return None


def _same_number(one: str, other: str) -> bool:
    """Whether one of two words is a number and the other the same number in digits."""
    digits, word = (one, other) if one.isdecimal() else (other, one)
    return digits.isdecimal() and len(digits) < _LONGEST_NUMBER and in_words([word]) == (int(digits), 1)


def _telling(word: str, place: int, whole: str) -> bool:
    """Whether a word of the source is a name, a number or technical: not plain lower case."""
    if any(part in CARDINALS or part in ORDINALS for part in word.casefold().split("-")):
        return True
    if place and not _PLAIN.fullmatch(word):
        return True
    return not _PLAIN.fullmatch(word.casefold()) or (not place and word.casefold() in names_in(whole))


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
