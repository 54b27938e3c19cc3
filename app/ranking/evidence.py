"""What speaks against an entry, however alike it and a question read. Pure.

Words that identify what is asked: a question about error E-1044 is not answered by the entry on E-1042.
And opposites: "Can I order with an account?" shares every word with "Can I order without an account?".
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.domain import FaqEntry
from app.ranking.stop_words import stop_words
from app.ranking.text import SIGNED_NAME, words

# Letters and digits joined, also by hyphens, dots and underscores (E-1042, v2.1.0, utf8); dotted numbers.
_CODE = re.compile(
    r"(?<![\w.-])(?=[\w.+-]*\d)(?=[\w.+-]*[^\W\d_])[^\W_][\w.+-]{0,60}[^\W_](?![\w])"
    r"|(?<![\w.-])\d+(?:[.,:]\d+)+(?!\w)"
)
_NUMBER = re.compile(r"(?<![\w.,:-])\d{2,}(?![\w-]|[.,:]\d)")
# In capitals, camel case or with underscores: ECONNREFUSED, ModuleNotFoundError, max_age.
_SYMBOL = re.compile(r"(?<![\w.-])(?:[A-Z]{2,}[A-Z0-9_]*|\w*[a-z][A-Z]\w*|[^\W_]\w*_\w*[^\W_])(?![\w-]|\.\w)")
# A capital inside a sentence, as product names have it.
_NAME = re.compile(
    r"(?<=[^\W_A-Z] )(?:[A-Z][\w-]*[^\W_]|[A-Z])(?![\w'’+#])|(?<=[,;:)] )[A-Z][\w-]*[^\W_](?![\w'’+#])"
)
_QUOTED = re.compile(r"`([^`\n]{2,80})`|\"([^\"\n]{2,80})\"|“([^”\n]{2,80})”|(?<!\w)'([^'\n]{2,80})'(?!\w)")

_MOST = 32  # of each kind
_TITLE_CASE = 0.6  # share of capitalised words from which a capital says nothing
_SIMILARITY = 0.66  # as of words in coverage: a typo is not another name
_FUZZY_LETTERS = 5
_QUOTED_WORDS_HELD = 0.5
# Acronyms that are ordinary nouns: an entry answers without them.
_ORDINARY = frozenset(["url", "urls", "faq", "faqs", "id", "ids", "pc", "pcs", "ok"])
_ACRONYM = re.compile(r"[A-Z]{3,6}")
_CAPITALISED = re.compile(r"[A-Z]\w+(?: [A-Z]\w+){2,}")
_VERSION = re.compile(r"v(\d+(?:\.\d+)*)", re.IGNORECASE)
_CAPITALISED_NOUNS = {"german"}  # languages in which every noun has a capital

_NEGATING = (
    "no not never without cannot none neither nor nothing impossible unable miss missed missing skip skipped"
)
_NEGATIONS = frozenset(_NEGATING.split())
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)
_AUXILIARY = (
    "am is are was were do does did can could may might must shall should will would has have had need"
)
_AUXILIARIES = frozenset(_AUXILIARY.split())
_WITHOUT = (("with", "without"), ("including", "without"), ("incl", "without"))
_OPPOSITES = [
    pair.split()
    for pair in (
        "enable disable",
        "enabled disabled",
        "install uninstall",
        "start stop",
        "before after",
        "first last",
        "include exclude",
        "including excluding",
        "with excluding",
        "incl excl",
        "increase decrease",
        "increase reduce",
        "minimum maximum",
        "min max",
        "upload download",
        "import export",
        "login logout",
        "subscribe unsubscribe",
        "activate deactivate",
        "allow forbid",
        "allowed forbidden",
        "add remove",
        "public private",
        "lock unlock",
        "upgrade downgrade",
    )
]


def identifying(question: str, language: str = "english") -> Sequence[str]:
    """The codes, versions, numbers, symbols and names of a question, as they stand there."""
    text = unicodedata.normalize("NFKC", question)
    found = [*_found(text, _CODE, SIGNED_NAME, _NUMBER), *_named(text, language)]
    return list(dict.fromkeys(found))


def lacking(question: str, entry: FaqEntry, language: str = "english") -> Sequence[str]:
    """The identifying words of a question that an entry holds nowhere, as they stand in the question."""
    text = unicodedata.normalize("NFKC", question)
    held = _held(entry)
    missing = [
        code
        for code in _found(text, _CODE, SIGNED_NAME, _NUMBER)
        if not _whole(held, code) and not _whole(held, _VERSION.sub(r"version\1", code))
    ]
    vocabulary = _vocabulary(entry)
    missing += [
        name
        for name in _named(text, language)
        if not _whole(held, name) and not _nearly(name, vocabulary) and not _spelled_out(name, entry)
    ]
    missing += [quoted for quoted in _quoted(text) if _share(quoted, vocabulary) < _QUOTED_WORDS_HELD]
    return list(dict.fromkeys(missing))


def _named(text: str, language: str) -> Sequence[str]:
    names = [*_found(text, _SYMBOL), *([] if language in _CAPITALISED_NOUNS else _names(text))]
    return [name for name in names if name.casefold() not in stop_words(language) | _ORDINARY]


def _found(text: str, *patterns: re.Pattern[str]) -> Iterator[str]:
    for pattern in patterns:
        for count, match in enumerate(pattern.finditer(text)):
            if count == _MOST:
                break
            yield match[0]


def _names(text: str) -> Sequence[str]:
    of = text.split()
    if sum(word[:1].isupper() for word in of) > max(_TITLE_CASE * len(of), 2):
        return []
    return list(_found(text, _NAME))


def _quoted(text: str) -> Iterator[str]:
    for count, match in enumerate(_QUOTED.finditer(text)):
        if count == _MOST:
            break
        yield next(group for group in match.groups() if group is not None)


def _share(quoted: str, vocabulary: frozenset[str]) -> float:
    of = words(quoted)
    return sum(word in vocabulary or _nearly(word, vocabulary) for word in of) / len(of) if of else 1.0


@lru_cache(maxsize=500)
def _held(entry: FaqEntry) -> str:
    return _folded(f"{entry.section}\n{entry.question}\n{entry.answer}")


@lru_cache(maxsize=500)
def _vocabulary(entry: FaqEntry) -> frozenset[str]:
    return frozenset(words(f"{entry.section} {entry.question} {entry.answer}"))


def _folded(text: str) -> str:
    """Without the differences in which one code is written: E-1042, E1042, e 1042."""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", text).casefold())


def _whole(held: str, code: str) -> bool:
    """104 is not held by 1042, nor C by C++."""
    wanted = _folded(code)
    start = held.find(wanted)
    while start >= 0:
        before, after = held[start - 1 : start], held[start + len(wanted) : start + len(wanted) + 1]
        parted = wanted[0].isdigit() and before.isdigit()
        parted |= wanted[-1].isdigit() and after.isdigit()
        if not parted:
            return True
        start = held.find(wanted, start + 1)
    return False


def _spelled_out(name: str, entry: FaqEntry) -> bool:
    """Whether an entry has the words of an acronym in a row: ECS as Elastic Container Service."""
    return bool(_ACRONYM.fullmatch(name)) and name.casefold() in _initials(entry)


@lru_cache(maxsize=500)
def _initials(entry: FaqEntry) -> str:
    """Of the words with capitals in a row; runs are parted by spaces."""
    runs = _CAPITALISED.findall(f"{entry.section}\n{entry.question}\n{entry.answer}")
    return " ".join("".join(word[0] for word in run.split()) for run in runs).casefold()


def _nearly(name: str, vocabulary: frozenset[str]) -> bool:
    word = name.casefold()
    if len(word) < _FUZZY_LETTERS:
        return False
    near = process.extractOne(word, vocabulary, scorer=OSA.normalized_similarity, score_cutoff=_SIMILARITY)
    return near is not None


def opposed(question: str, entry_question: str) -> bool:
    """By a pair of opposites, one word in each; or by a negation in one of two yes/no questions."""
    asked, held = words(question), words(entry_question)
    here, there = frozenset(asked), frozenset(held)
    negation_differs = _negated(question, here) != _negated(entry_question, there)
    if negation_differs:
        return _apart(here, there, _WITHOUT) or (_yes_no(asked) and _yes_no(held))
    return _apart(here, there, _OPPOSITES)


def _apart(here: Set[str], there: Set[str], pairs: Sequence[Sequence[str]]) -> bool:
    return any(_parted(here, there, *pair) or _parted(there, here, *pair) for pair in pairs)


def _yes_no(of: Sequence[str]) -> bool:
    return len(of) > 1 and of[0] in _AUXILIARIES and of[1] not in _NEGATIONS


def _parted(here: Set[str], there: Set[str], one: str, other: str) -> bool:
    return one in here and other in there and other not in here and one not in there


def _negated(text: str, of: Set[str]) -> bool:
    return bool(of & _NEGATIONS) or _CONTRACTED.search(text) is not None
