"""Seeded changes of one number, unit, date, name, command, path, host or link of a sentence."""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from app.answering.checks.number_words import UNITS

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:/]\d+)*(?!\w)")
_LIST_NUMBER = re.compile(r"^\s*(?:[-*]\s+)?\(?\d{1,3}[.)](?=\s)")
_NUMBER_NAMES = "two three four five six seven eight nine ten twelve twenty thirty".split()  # noqa: SIM905
_WORD_NUMBER = re.compile(rf"\b(?:{'|'.join(_NUMBER_NAMES)})\b", re.IGNORECASE)
_ORDINALS = "first second third fourth fifth 1st 2nd 3rd 4th".split()  # noqa: SIM905
_ORDINAL = re.compile(rf"\b(?:{'|'.join(_ORDINALS)})\b", re.IGNORECASE)
_MEASURE = re.compile(
    r"(?<=\d )(?:days?|hours?|minutes?|seconds?|weeks?|months?|years?|GB|MB|kB|euros?|dollars?|percent)\b"
    r"|(?<=\d)(?:GB|MB|kB|ms|%)(?!\w)"
)
_OTHER_UNITS = ["days", "hours", "minutes", "weeks", "months", "years", "GB", "MB", "percent"]
_VERSION = re.compile(r"(?<![\w.])v?\d+\.\d+(?:\.\d+)*(?![\w])")
_RANGE = re.compile(r"(?<![\w.])(\d+)(\s?(?:-|–|to)\s?)(\d+)(?!\w)")
_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
_DATE = re.compile(
    rf"\b(?:{'|'.join([*_MONTHS[:4], *_MONTHS[5:], *_DAYS])}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b"
)
_TIME = re.compile(r"\b\d{1,2}(?::\d\d)?\s?(?P<half>am|pm|a\.m\.|p\.m\.|AM|PM)")
_CURRENCY = re.compile(r"[€$£](?=\s?\d)|(?<=\d)\s?(?:€|EUR\b|USD\b|dollars?\b|euros?\b)")
_TECHNICAL = re.compile(
    r"`[^`\n]+`|(?<![\w-])--?[a-zA-Z][\w-]+|[\w~./-]*[\\/_=@][\w./\\=:@~-]+|\b\w+\.[a-z]{2,5}\b|\b\w*[a-z]\w*[A-Z]\w*\b"
)
_LINK = re.compile(r"https?://[^\s)>\]\"'`]+|[\w.+-]+@[\w-]+\.[\w.]+\w")
_FLAG = re.compile(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*")
_PATH = re.compile(r"(?<![\w/:.@])(?:~|\.{1,2})?/?[\w.-]+(?:/[\w.-]+){1,}/?")
_HOST = re.compile(r"(?<=[\w\]]:)\d{2,5}\b|\blocalhost\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<=port )\d{2,5}\b")
NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][A-Za-z]{2,}\b")
_SIBLINGS = [
    ["Windows", "Linux", "macOS", "Mac", "Ubuntu", "Debian"],
    ["Chrome", "Firefox", "Safari", "Edge"],
    ["Postgres", "PostgreSQL", "MySQL", "SQLite", "MongoDB", "Redis", "BigQuery", "Snowflake"],
    ["AWS", "GCP", "Azure"],
    ["Docker", "Podman", "Kubernetes", "Vagrant"],
    ["Python", "Java", "Ruby", "Scala", "Rust"],
    ["GitHub", "GitLab", "Bitbucket"],
    ["Slack", "Discord", "Telegram", "Zoom", "Teams"],
    ["PayPal", "Visa", "Mastercard", "Klarna", "Stripe"],
    ["Germany", "France", "Norway", "Spain", "Italy", "Switzerland"],
    ["Kafka", "RabbitMQ", "Spark", "Flink", "Airflow", "Prefect", "Mage", "Dagster"],
    ["Keras", "TensorFlow", "PyTorch", "XGBoost"],
    ["Ollama", "Elasticsearch", "OpenSearch", "Solr"],
]
_SIBLING = re.compile(
    rf"(?<![\w/.-])(?:{'|'.join(name for names in _SIBLINGS for name in names)})(?![\w/.-])"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Rule = Callable[[str, random.Random], str | None]


def replaced(text: str, what: re.Pattern[str], rng: random.Random, by: Callable[[str], str]) -> str | None:
    """With one match, chosen at random, given another text; None where there is none."""
    found = [match for match in what.finditer(text, _begin(text)) if match.group().strip()]
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.start()] + by(match.group()) + text[match.end() :]


def changed_name(text: str, rng: random.Random, names: Sequence[str]) -> str | None:
    return replaced(text, NAME, rng, lambda name: _other(name, names, rng))


def _other(of: str, among: Sequence[str], rng: random.Random) -> str:
    others = [each for each in among if each.casefold() != of.casefold()]
    return rng.choice(others or ["Atlantis"])


def _begin(text: str) -> int:
    listed = _LIST_NUMBER.match(text)
    return listed.end() if listed else 0


def _number(text: str, rng: random.Random) -> str | None:
    return replaced(text, _NUMBER, rng, lambda number: _with_another(number, rng))


def _with_another(number: str, rng: random.Random) -> str:
    digits = rng.choice(list(re.finditer(r"\d+", number)))
    value = int(digits.group())
    other = value
    while other == value:
        other = max(0, value + rng.choice([-2, -1, 1, 2, 3, 5, 10]))
    return f"{number[: digits.start()]}{other}{number[digits.end() :]}"


def _magnitude(text: str, rng: random.Random) -> str | None:
    whole = re.compile(r"(?<![\w.,:/-])\d{2,}(?![\w.,:/-]*\d)(?!\w)")
    return replaced(text, whole, rng, lambda number: number + "0" if rng.random() < 0.5 else number[:-1])


def _number_word(text: str, rng: random.Random) -> str | None:
    return replaced(text, _WORD_NUMBER, rng, lambda word: _other(word, _NUMBER_NAMES, rng))


def _ordinal(text: str, rng: random.Random) -> str | None:
    def other(word: str) -> str:
        return _other(word, _ORDINALS[5:] if word[0].isdigit() else _ORDINALS[:5], rng)

    return replaced(text, _ORDINAL, rng, other)


def _unit(text: str, rng: random.Random) -> str | None:
    def other(word: str) -> str:
        return rng.choice([each for each in _OTHER_UNITS if UNITS[each.lower()] != UNITS[word.lower()]])

    return replaced(text, _MEASURE, rng, other)


def _version(text: str, rng: random.Random) -> str | None:
    def other(version: str) -> str:
        parts = version.split(".")
        at = rng.randrange(1, len(parts))
        parts[at] = str(int(parts[at]) + rng.choice([1, 2, 10]))
        return ".".join(parts)

    return replaced(text, _VERSION, rng, other)


def _range(text: str, rng: random.Random) -> str | None:
    def other(held: str) -> str:
        low, between, high = re.split(r"(\D+)", held)
        if rng.random() < 0.5:
            return f"{low}{between}{int(high) + rng.choice([1, 2, 5])}"
        return f"{int(low) + rng.choice([1, 2, 5])}{between}{high}"

    return replaced(text, _RANGE, rng, other)


def _date(text: str, rng: random.Random) -> str | None:
    def other(word: str) -> str:
        names = _DAYS if word in _DAYS else _MONTHS
        return _other(next((name for name in names if name.startswith(word)), word), names, rng)

    return replaced(text, _DATE, rng, other)


def _half_of_day(text: str, rng: random.Random) -> str | None:
    found = list(_TIME.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    half = match["half"].translate(str.maketrans("apAP", "paPA"))
    return text[: match.start("half")] + half + text[match.end("half") :]


def _currency(text: str, rng: random.Random) -> str | None:
    def other(sign: str) -> str:
        bare = sign.strip()
        names = next(
            each for each in (["€", "$", "£"], ["EUR", "USD", "GBP"], ["dollars", "euros", "pounds"])
            if any(name.startswith(bare.rstrip("s")) for name in each)
        )  # fmt: skip
        return sign.replace(
            bare, _other(next(n for n in names if n.startswith(bare.rstrip("s"))), names, rng)
        )

    return replaced(text, _CURRENCY, rng, other)


def _swap(text: str, rng: random.Random) -> str | None:
    """Two numbers in each other's place."""
    found = list(_NUMBER.finditer(text, _begin(text)))
    pairs = [(a, b) for a in found for b in found if a.start() < b.start() and a.group() != b.group()]
    if not pairs:
        return None
    one, other = rng.choice(pairs)
    between = text[one.end() : other.start()]
    return f"{text[: one.start()]}{other.group()}{between}{one.group()}{text[other.end() :]}"


def _technical(text: str, rng: random.Random) -> str | None:
    return replaced(text, _TECHNICAL, rng, lambda token: _typo(token, rng))


def _link(text: str, rng: random.Random) -> str | None:
    return replaced(text, _LINK, rng, lambda token: _typo(token, rng))


def _flag(text: str, rng: random.Random) -> str | None:
    def other(flag: str) -> str:
        if len(flag) == 2 and rng.random() < 0.5:
            return flag.swapcase()
        return _typo(flag, rng)

    return replaced(text, _FLAG, rng, other)


def _path(text: str, rng: random.Random) -> str | None:
    def other(path: str) -> str:
        parts = path.split("/")
        named = [at for at, part in enumerate(parts) if len(part) > 1]
        if len(named) > 2 and rng.random() < 0.5:
            del parts[rng.choice(named[1:-1])]
            return "/".join(parts)
        at = rng.choice(named or [0])
        parts[at] = _other(parts[at], ["bin", "tmp", "data", "src", "config", "main"], rng)
        return "/".join(parts)

    return replaced(text, _PATH, rng, other)


def _host(text: str, rng: random.Random) -> str | None:
    def other(host: str) -> str:
        if host == "localhost" or "." in host:
            return _other(host, ["localhost", "127.0.0.1", "0.0.0.0", "example.com"], rng)  # noqa: S104
        return str(int(host) + rng.choice([1, 10, 1000]))

    return replaced(text, _HOST, rng, other)


def _sibling(text: str, rng: random.Random) -> str | None:
    def other(name: str) -> str:
        return _other(name, next(names for names in _SIBLINGS if name in names), rng)

    return replaced(text, _SIBLING, rng, other)


def _typo(token: str, rng: random.Random) -> str:
    places = [at for at, sign in enumerate(token) if sign.isalnum()] or [0]
    at = rng.choice(places)
    return token[:at] + rng.choice([s for s in _LETTERS if s != token[at].casefold()]) + token[at + 1 :]


FACTS: Mapping[str, Rule] = {
    "number": _number,
    "magnitude": _magnitude,
    "number word": _number_word,
    "ordinal": _ordinal,
    "unit": _unit,
    "version": _version,
    "range": _range,
    "date": _date,
    "half of the day": _half_of_day,
    "currency": _currency,
    "swapped numbers": _swap,
    "command": _technical,
    "flag": _flag,
    "path": _path,
    "host or port": _host,
    "link": _link,
    "sibling name": _sibling,
}
