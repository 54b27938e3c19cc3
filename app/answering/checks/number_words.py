"""Numbers that are written as words. Pure."""

from collections.abc import Sequence

_UNIT_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_UNITS = _UNIT_WORDS.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_OTHERS = {
    "de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "fr": "deux trois quatre cinq",
}
CARDINALS = {
    **{word: value for words in _OTHERS.values() for value, word in enumerate(words.split(), start=2)},
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    "dozen": 12,
    "twice": 2,
    "couple": 2,
}
del CARDINALS["once"]
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_ORDINAL_WORDS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
]
ORDINALS = {word: value for value, word in enumerate(_ORDINAL_WORDS, start=1)}
SOFT = frozenset({"one", "zero", "first", "second", "couple", "acht"})
_WIDE_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"两": 2, "兩": 2}


def in_words(words: Sequence[str]) -> tuple[int | None, int]:
    """The number that `words` (casefolded) begin with, and how many of them it takes."""
    parts = [part for word in words for part in [word.split("-")]]
    total, taken, last = 0, 0, 0
    for pieces in parts:
        if not all(piece in CARDINALS or piece in _SCALES for piece in pieces):
            break
        if taken and not (pieces[0] in _SCALES or (20 <= last < 100 and CARDINALS.get(pieces[0], 99) < 10)):
            break
        for piece in pieces:
            if piece in _SCALES:
                total = max(total, 1) * _SCALES[piece]
            else:
                total += CARDINALS[piece]
            last = total
        taken += 1
    return (total, taken) if taken else (None, 0)


def wide_number(text: str) -> int:
    """A number below 1,000 in Chinese or Japanese digits."""
    total, digit = 0, 0
    for sign in text:
        if sign in _WIDE_DIGITS:
            digit = _WIDE_DIGITS[sign]
        else:
            total += max(digit, 1) * (10 if sign == "十" else 100)
            digit = 0
    return total + digit
