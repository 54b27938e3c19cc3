"""Sentences of a FAQ with one fact changed: each must be told from the sentence it was made of.

Every rule changes one number, unit, negation, order, name, command, path or link, chosen by a seed.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.answering.checks.number_words import UNITS
from app.answering.plain_text import plain
from app.answering.sentences import sentences
from app.domain import FaqEntry
from app.ranking.stop_words import STOP_WORDS

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:/]\d+)*(?!\w)")
_LIST_NUMBER = re.compile(r"^\s*(?:[-*]\s+)?\(?\d{1,3}[.)](?=\s)")
_WORD_NUMBER = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty)\b", re.IGNORECASE
)
_NUMBER_NAMES = """
two three four five six seven eight nine ten twelve twenty thirty
"""
_WORD_NUMBERS = _NUMBER_NAMES.split()
_MEASURE = re.compile(
    r"(?<=\d )(?:days?|hours?|minutes?|weeks?|months?|years?|GB|MB|kB|euros?|dollars?|percent)\b"
    r"|(?<=\d)(?:GB|MB|%)"
)
_OTHER_UNITS = ["days", "hours", "minutes", "weeks", "months", "years", "GB", "MB", "percent"]
_NOT = re.compile(
    r"\b(?:do not|does not|is not|are not|cannot|can't|don't|doesn't|isn't|won't|not|never)\b", re.IGNORECASE
)
_POSITIVE = {
    "cannot": "can",
    "can't": "can",
    "don't": "do",
    "doesn't": "does",
    "isn't": "is",
    "won't": "will",
}
_AUXILIARY = re.compile(r"\b(?:is|are|can|will|should|must|do|does|have|has|was)\b")
_TURNS = [
    ("before", "after"), ("after", "before"), ("always", "never"), ("never", "always"), ("only", ""),
    ("without", "with"), ("enable", "disable"), ("disable", "enable"), ("start", "stop"), ("stop", "start"),
    ("install", "uninstall"), ("add", "remove"), ("remove", "add"), ("open", "close"), ("up", "down"),
    ("first", "last"), ("more", "less"), ("required", "optional"), ("minimum", "maximum"),
]  # fmt: skip
_TECHNICAL = re.compile(
    r"`[^`\n]+`|(?<![\w-])--?[a-zA-Z][\w-]+|[\w~./-]*[\\/_=@][\w./\\=:@~-]+|\b\w+\.[a-z]{2,5}\b|\b\w*[a-z]\w*[A-Z]\w*\b"
)
_LINK = re.compile(r"https?://[^\s)>\]\"'`]+|[\w.+-]+@[\w-]+\.[\w.]+\w")
NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][A-Za-z]{2,}\b")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Rule = Callable[[str, random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Tampered:
    kind: str
    entry: FaqEntry
    original: str
    text: str


def tampered(entries: Sequence[FaqEntry], each: int, seed: int = 0) -> Iterator[Tampered]:
    """Up to `each` different changed sentences of every kind."""
    told = [(entry, sentence) for entry in entries for sentence in whole_sentences(entry)]
    found = Counter(name for _, sentence in told for name in set(NAME.findall(sentence)))
    names = sorted(name for name in found if name.casefold() not in STOP_WORDS) or ["Atlantis"]
    rules: Mapping[str, Rule] = {**RULES, "name": lambda text, rng: _name(text, rng, names)}
    for kind, rule in rules.items():
        rng = random.Random(f"{seed} {kind}")  # noqa: S311 (a test set, no secret)
        seen: set[str] = set()
        for _ in range(12):
            for entry, sentence in rng.sample(told, len(told)):
                text = rule(sentence, rng)
                if text and text != sentence and text not in seen and len(seen) < each:
                    seen.add(text)
                    yield Tampered(kind, entry, sentence, text)
            if len(seen) >= each:
                break


def whole_sentences(entry: FaqEntry) -> list[str]:
    """An entry's sentences of 4 to 40 words, as plain text."""
    return [
        each for each in sentences(plain(entry.answer)) if 4 <= len(each.split()) <= 40 and "```" not in each
    ]


def _number(text: str, rng: random.Random) -> str | None:
    start = len(listed.group()) if (listed := _LIST_NUMBER.match(text)) else 0
    found = list(_NUMBER.finditer(text, start))
    if not found:
        return None
    match = rng.choice(found)
    digits = rng.choice(list(re.finditer(r"\d+", match.group())))
    value = str(max(0, int(digits.group()) + rng.choice([-2, -1, 1, 2, 3, 5, 10])))
    if value == str(int(digits.group())):
        return None
    at = match.start() + digits.start()
    return text[:at] + value + text[at + len(digits.group()) :]


def _number_word(text: str, rng: random.Random) -> str | None:
    return _replaced(
        text, _WORD_NUMBER, rng, lambda word: rng.choice([n for n in _WORD_NUMBERS if n != word.lower()])
    )


def _unit(text: str, rng: random.Random) -> str | None:
    def others(word: str) -> list[str]:
        return [each for each in _OTHER_UNITS if UNITS[each.lower()] != UNITS[word.lower()]]

    return _replaced(text, _MEASURE, rng, lambda word: rng.choice(others(word)))


def _negation(text: str, rng: random.Random) -> str | None:
    if match := _NOT.search(text):
        word = match.group().casefold()
        positive = _POSITIVE.get(word, word.removesuffix("not").removesuffix("never").strip())
        return f"{text[: match.start()]}{positive}{text[match.end() :]}".replace("  ", " ").strip()
    auxiliary = _AUXILIARY.search(text)
    return f"{text[: auxiliary.end()]} not{text[auxiliary.end() :]}" if auxiliary else None


def _turn(text: str, rng: random.Random) -> str | None:
    for word, other in rng.sample(_TURNS, len(_TURNS)):
        if match := re.search(rf"(?<![\w/.`_-]){word}(?![\w/_-])", text):
            return f"{text[: match.start()]}{other}{text[match.end() :]}".replace("  ", " ").strip()
    return None


def _technical(text: str, rng: random.Random) -> str | None:
    return _replaced(text, _TECHNICAL, rng, lambda token: _typo(token, rng))


def _link(text: str, rng: random.Random) -> str | None:
    return _replaced(text, _LINK, rng, lambda token: _typo(token, rng))


def _name(text: str, rng: random.Random, names: Sequence[str]) -> str | None:
    return _replaced(
        text, NAME, rng, lambda name: rng.choice([each for each in names if each != name] or ["Atlantis"])
    )


def _swap(text: str, rng: random.Random) -> str | None:
    """Two numbers in each other's place."""
    start = len(listed.group()) if (listed := _LIST_NUMBER.match(text)) else 0
    found = list(_NUMBER.finditer(text, start))
    pairs = [(a, b) for a in found for b in found if a.start() < b.start() and a.group() != b.group()]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    between = text[one.end() : other.start()]
    return f"{text[: one.start()]}{other.group()}{between}{one.group()}{text[other.end() :]}"


def _replaced(text: str, what: re.Pattern[str], rng: random.Random, by: Callable[[str], str]) -> str | None:
    found = [match for match in what.finditer(text) if len(match.group()) > 1 or match.group() == "%"]
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.start()] + by(match.group()) + text[match.end() :]


def _typo(token: str, rng: random.Random) -> str:
    places = [at for at, sign in enumerate(token) if sign.isalnum()] or [0]
    at = rng.choice(places)
    return (
        token[:at] + rng.choice([sign for sign in _LETTERS if sign != token[at].casefold()]) + token[at + 1 :]
    )


RULES: Mapping[str, Rule] = {
    "number": _number,
    "number word": _number_word,
    "unit": _unit,
    "swapped numbers": _swap,
    "negation": _negation,
    "opposite": _turn,
    "command": _technical,
    "link": _link,
}
