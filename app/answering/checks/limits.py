"""Whether a sentence limits what it says as its source does: how much, how often, when, for whom. Pure.

A limiting word is compared by the words around it, as numbers are: another one in its place is wrong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.answering.checks.places import Place, fit, place_of
from app.answering.checks.telling_words import BEFORE_NUMBERS, COMPATIBLE, LIMITS, SPELLINGS
from app.answering.code_spans import CODE
from app.ranking.plain_text import content, stem

_FITS = 0.42
_MARGIN = 0.12
_UNLIMITED = frozenset(["all", "always"])
_SAME = 0.75  # share of words from which a limit that comes or goes is told
_PHRASES = "|".join(
    re.escape(each).replace(r"\ ", r"\s") for each in sorted(SPELLINGS, key=len, reverse=True)
)
_TOKEN = re.compile(
    rf"(?P<limit>(?<![\w/.'`_-])(?:{_PHRASES})(?![\w/'`_-]|\.\w))"
    r"|(?P<word>[^\W_]+(?:['._-][^\W_]+)*)|(?P<clause>[,;:()])|(?P<end>[.!?](?=\s|\Z)|\n)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?:the\s)?\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|half|a|an)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Limit:
    text: str
    family: str
    value: str
    place: Place


def changed_limit(sentence: str, source: str, near: Sequence[str]) -> str | None:
    """The limiting word of a folded sentence that the folded source has not there.

    `near` are the sentences of the source that it says again.
    """
    held = _limits(source)
    for limit in _limits(sentence):
        family = [each for each in held if each.family == limit.family]
        same = max((fit(limit.place, each.place) for each in family if _agree(limit, each)), default=0.0)
        other = max((fit(limit.place, each.place) for each in family if not _agree(limit, each)), default=0.0)
        if other >= _FITS and other - same >= _MARGIN:
            return limit.text
    return _come_or_gone(sentence, source, near) or _unlimited(sentence, near)


def _unlimited(sentence: str, near: Sequence[str]) -> str | None:
    """ "Always" or "all" in the place of a limit: "we always refund it" for "only if it was faulty"."""
    said, held = _limits(sentence), [_limits(each) for each in near]
    if not near or any(_limiting(limit) for limit in said):
        return None
    if not all(any(_limiting(limit) for limit in limits) for limits in held):
        return None
    known = {limit.value for limits in held for limit in limits}
    return next((each.text for each in said if each.value in _UNLIMITED and each.value not in known), None)


def _limiting(limit: _Limit) -> bool:
    return limit.value in LIMITS or limit.family in ("bound", "condition")


def _agree(one: _Limit, other: _Limit) -> bool:
    return one.value == other.value or frozenset((one.value, other.value)) in COMPATIBLE


def _come_or_gone(sentence: str, source: str, near: Sequence[str]) -> str | None:
    words = content(sentence)
    close = [each for each in near if alike(words, content(each)) >= _SAME]
    if not close:
        return None
    if turned := _exchanged(sentence, close):
        return turned
    said = {limit.value for limit in _limits(sentence)} & LIMITS
    anywhere = {limit.value for limit in _limits(source)} & LIMITS
    everywhere = set(LIMITS).intersection(*({limit.value for limit in _limits(each)} for each in close))
    return next(iter(sorted((said - anywhere) | (everywhere - said))), None)


def _exchanged(sentence: str, close: Sequence[str]) -> str | None:
    """One value of a family in the sentence where those that say the same have another one."""
    said, held = _limits(sentence), [limit for each in close for limit in _limits(each)]
    for limit in said:
        family = [each for each in held if each.family == limit.family]
        left = [each for each in family if not any(_agree(each, other) for other in said)]
        if left and not any(_agree(limit, each) for each in family):
            return limit.text
    return None


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """0–1: how many of their words two texts share."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


# "within 30 days of", "after" and "from" a purchase are the same.
_DEADLINE = re.compile(
    r"\b((?:within|up to)\s+(?:[\w-]+\s+){1,3}?(?:minutes?|hours?|days?|weeks?|months?|years?))\s+"
    r"(?:after|from|following|since)\b"
)


@lru_cache(maxsize=4_000)
def _limits(text: str) -> Sequence[_Limit]:
    text = _DEADLINE.sub(r"\1 of", CODE.sub(lambda code: " code ", text).casefold())
    tokens = list(_TOKEN.finditer(text))
    stems = [_stem_of(token) for token in tokens]
    found = []
    for at, token in enumerate(tokens):
        if not token["limit"]:
            continue
        said = " ".join(token["limit"].split())
        if said in BEFORE_NUMBERS and not _NUMBER.match(text[token.end() :].lstrip()):
            continue
        place = place_of(stems, at, 1)
        found += [_Limit(said, family, value, place) for family, value in SPELLINGS[said]]
    return found


def _stem_of(token: re.Match[str]) -> str | None:
    if token["end"]:
        return None
    return "," if token["clause"] else stem(token.group())
