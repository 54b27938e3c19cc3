"""Numbers of a sentence against those of a source: value, unit and place. Pure.

A number must stand in the source with the same unit, and where the source has it: "up to 14 days" does not
support "14 working days in Europe". For that, each number is compared by the words around it with every
number of the source; when another value fits its place clearly better, it is the wrong one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from app.answering.checks.calendar import dates
from app.answering.checks.number_words import (
    ADJECTIVES,
    CURRENCIES,
    ORDINALS,
    SOFT,
    TIME_WORDS,
    UNITS,
    in_words,
    wide_number,
)
from app.answering.checks.places import Place, fit, place_of
from app.ranking.plain_text import stem
from app.ranking.text import SPACELESS

_MARGIN = 0.13  # by which another value has to fit a place better
_FITS = 0.5
_TOKEN = re.compile(
    r"(?P<currency>[€$£¥]|\b(?:EUR|USD|GBP|CHF)\b)\s?(?=\d)"
    r"|(?P<number>(?<!\w)(?<!\d\.)(?:(?<![^\s(])-(?=\d+(?:[.,]\d+)?\s?[°%]))?"
    r"(?:\d{1,2}:\d{2}(?!\d)|\d{1,3}(?:[ ,.']\d{3})+(?![\d.,]\d|\d)|\d+(?:[.,]\d+)*)"
    r"(?P<suffix>[A-Za-zµ%°€£$]*)(?![\w]))"
    r"|(?P<wide>[〇一二两兩三四五六七八九十百]+(?=[天日月年个個小時时分周週次倍元人円歳岁点點件项号號%]))"
    r"|(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*|[%€£$¥])"
    r"|(?P<clause>[,;:()])"
    r"|(?P<end>[.!?](?=\s|\Z)|\n)"
)
# In scripts without spaces a number touches words on both sides.
_EDGE = re.compile(f"(?<=[{SPACELESS}])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z%])(?=[{SPACELESS}])")
_HOUR = re.compile(r"\d{1,2}(?:[:.]\d\d)?")
_LETTERS = re.compile(r"[^\W\d_]+")
_LIST_NUMBER = re.compile(r"(?:^|\n)[ \t]*(?:[-*•+][ \t]+)?\(?\d{1,3}[.)](?=\s)")
_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,.']\d{3})+")
_HALF_OF_DAY = re.compile(r"(?<=\d)(\s?)([ap])\.\s?m\b\.?", re.IGNORECASE)
_PER_SECOND = re.compile(r"\b(?:per|pro|por)\s+(?:second|sekunde|segundo)\b|(?<=\d)\s?/s\b", re.IGNORECASE)
_BESIDE = 3  # words between two numbers that belong together
_LONGEST_ORDINAL = 10  # digits
_ORDINAL_SUFFIXES = {"st", "nd", "rd", "th"}


@dataclass(frozen=True, slots=True)
class Quantity:
    text: str
    values: frozenset[str]  # spellings of the one value: "1.000" is 1 or 1000
    unit: str | None
    soft: bool  # a word like "one" or "second", which mostly counts nothing
    place: Place  # the stems around it
    begin: int  # its first token
    end: int


@lru_cache(maxsize=2_000)
def quantities(text: str) -> Sequence[Quantity]:
    """The numbers of a folded text; numbers of list items do not count."""
    text = _EDGE.sub(" ", _HALF_OF_DAY.sub(r"\1\2m", _LIST_NUMBER.sub(lambda item: "\n", text)))
    tokens = list(_TOKEN.finditer(text))
    stems = [_stem_of(token) for token in tokens]
    found = []
    at = 0
    while at < len(tokens):
        read = _read(tokens, at)
        if read is None:
            at += 1
            continue
        values, unit, soft, length = read
        unit = unit or _unit(tokens, at + length)
        if at and (currency := tokens[at - 1]["currency"]):
            unit = CURRENCIES[currency]
        shown = text[tokens[at].start() : tokens[at + length - 1].end()]
        found.append(Quantity(shown, values, unit, soft, place_of(stems, at, length), at, at + length))
        at += length
    return found


def wrong_numbers(sentence: str, source: str) -> list[str]:
    """The numbers and units of a folded sentence that the folded source does not have there."""
    held = quantities(source)
    wrong = []
    for quantity in quantities(sentence):
        same = [each for each in held if _same(quantity, each)]
        if not same and not quantity.soft:
            wrong.append(quantity.text)
            continue
        own = max((fit(quantity.place, each.place) for each in same), default=0.0)
        other = max(
            (fit(quantity.place, each.place) for each in held if not _same(quantity, each)), default=0.0
        )
        if (
            other >= _FITS
            and other - own >= (_MARGIN if same else 0.0)
            and not (quantity.soft and other < 0.8)
        ):
            wrong.append(quantity.text)
    wrong += _exchanged(quantities(sentence), held)
    # "every day" holds what "daily" says; in the sentence itself so short a word says little.
    times = _named(sentence, TIME_WORDS) - _named(source, UNITS)
    if _PER_SECOND.search(sentence) and not (_PER_SECOND.search(source) or "second" in _named(source, UNITS)):
        times.add("second")  # elsewhere that word is mostly an ordinal
    return wrong + sorted(times | (dates(sentence) - dates(source)))


def _exchanged(said: Sequence[Quantity], held: Sequence[Quantity]) -> list[str]:
    """Numbers side by side that the source has the other way round only: "5 to 15" as "15 to 5"."""
    pairs = _beside(held)
    return [
        one.text
        for one, other in _beside(said)
        if not one.values & other.values
        and any(one.values & right.values and other.values & left.values for left, right in pairs)
        and not any(one.values & left.values and other.values & right.values for left, right in pairs)
    ]


def _beside(of: Sequence[Quantity]) -> Sequence[tuple[Quantity, Quantity]]:
    return [(one, other) for one, other in pairwise(of) if other.begin - one.end <= _BESIDE]


def _same(one: Quantity, other: Quantity) -> bool:
    return bool(one.values & other.values) and (one.unit is None or other.unit in (None, one.unit))


def _read(tokens: Sequence[re.Match[str]], at: int) -> tuple[frozenset[str], str | None, bool, int] | None:
    """Values, unit, softness, and how many tokens a number at this place takes."""
    token = tokens[at]
    if token["wide"]:
        return frozenset({str(wide_number(token["wide"]))}), None, False, 1
    if token["number"]:
        return _digits(token, tokens, at)
    if not token["word"]:
        return None
    word = token["word"].casefold()
    if word in ORDINALS:
        return frozenset({f"{ORDINALS[word]}."}), None, word in SOFT, 1
    words = [each["word"].casefold() for each in tokens[at : at + 4] if each["word"]]
    value, length = in_words(words)
    if value is None:
        return None
    unit = _unit(tokens, at + length)
    return frozenset({str(value)}), unit, word in SOFT and length == 1 and unit is None, length


def _digits(
    token: re.Match[str], tokens: Sequence[re.Match[str]], at: int
) -> tuple[frozenset[str], str | None, bool, int] | None:
    suffix = token["suffix"].casefold()
    digits = token["number"][: len(token["number"]) - len(suffix)]
    if suffix in _ORDINAL_SUFFIXES and len(digits) < _LONGEST_ORDINAL:
        return frozenset({f"{int(digits)}.", str(int(digits))}), None, False, 1
    following = tokens[at + 1]["word"] if at + 1 < len(tokens) else None
    half = suffix or (following or "").casefold()
    hour = _HOUR.fullmatch(digits)  # "12,50 am Automaten" is none
    if hour and half in ("am", "pm", "a", "p") and (suffix or half in ("am", "pm")):
        return frozenset({_clock(digits, half)}), None, False, 1 + (not suffix)
    if suffix == "k":
        return frozenset(_values(digits + "000")) | {f"{digits}k"}, None, False, 1
    if suffix and suffix not in UNITS:
        return None if re.search(r"[a-z]", suffix) else (frozenset(_values(digits)), None, False, 1)
    return frozenset(_values(digits)), UNITS.get(suffix), False, 1


def _values(digits: str) -> set[str]:
    if ":" in digits:
        hour, _, rest = digits.partition(":")
        return {f"{int(hour)}:{rest}"} | ({str(int(hour))} if rest == "00" else set())
    values = set()
    if _THOUSANDS.fullmatch(digits):
        values.add(re.sub(r"\D", "", digits).lstrip("0") or "0")
    if digits.count(".") + digits.count(",") == 1 and not re.search(r"[ ']", digits):
        whole, part = re.split(r"[.,]", digits)
        values.add(f"{whole.lstrip('0') or '0'}.{part}")
        if part == "00":
            values.add(whole.lstrip("0") or "0")
    if not values:
        values.add(digits.lstrip("0") or "0" if digits.isdigit() else digits.replace(",", "."))
    return values


def _clock(digits: str, half: str) -> str:
    hour, _, minute = digits.replace(".", ":").partition(":")
    return f"{int(hour) % 12 + 12 * half.startswith('p')}:{minute or '00'}"


def _unit(tokens: Sequence[re.Match[str]], at: int) -> str | None:
    """The unit that follows; in "3 to 5 days" the 3 has it, too."""
    for token in tokens[at : at + 4]:
        if token["clause"] == "(":
            continue
        word = (token["word"] or "").casefold()
        if word in UNITS:
            return UNITS[word]
        if token["number"] and token["suffix"].casefold() in UNITS:
            return UNITS[token["suffix"].casefold()]
        if token["end"] or not (word in ADJECTIVES or token["number"] or in_words([word])[0] is not None):
            return None
    return None


def _stem_of(token: re.Match[str]) -> str | None:
    if token["end"]:
        return None
    if token["clause"]:
        return ","
    word = (token["word"] or token["number"] or token["wide"] or "").casefold()
    return UNITS.get(word) or stem(word)


def _named(text: str, units: Mapping[str, str]) -> set[str]:
    """The units, of those given by their spellings, that the words of a text name."""
    return {units[word] for word in _LETTERS.findall(text.casefold()) if word in units}
