"""Whether a question asks the opposite of what an entry's question asks. Pure.

"Can I order with an account?" shares every word with "Can I order without an account?", and its answer is
the other one.
"""

import re
from collections.abc import Sequence, Set

from app.ranking.text import words

_NEGATIONS = frozenset("no not never without cannot none neither nor nothing impossible unable".split())  # noqa: SIM905
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)
_AUXILIARIES = frozenset(
    [
        "am",
        "is",
        "are",
        "was",
        "were",
        "do",
        "does",
        "did",
        "can",
        "could",
        "may",
        "might",
        "must",
        "shall",
        "should",
        "will",
        "would",
        "has",
        "have",
        "had",
        "need",
    ]
)
_WITHOUT = (("with", "without"), ("including", "without"), ("incl", "without"))
_OPPOSITES = (
    ("enable", "disable"),
    ("enabled", "disabled"),
    ("install", "uninstall"),
    ("start", "stop"),
    ("before", "after"),
    ("first", "last"),
    ("include", "exclude"),
    ("including", "excluding"),
    ("with", "excluding"),
    ("incl", "excl"),
    ("increase", "decrease"),
    ("increase", "reduce"),
    ("minimum", "maximum"),
    ("min", "max"),
    ("upload", "download"),
    ("import", "export"),
    ("login", "logout"),
    ("subscribe", "unsubscribe"),
    ("activate", "deactivate"),
    ("allow", "forbid"),
    ("allowed", "forbidden"),
    ("add", "remove"),
    ("public", "private"),
    ("lock", "unlock"),
    ("upgrade", "downgrade"),
)


def opposed(question: str, entry_question: str) -> bool:
    """By a pair of opposites, one word in each; or by a negation in one of two yes/no questions."""
    asked, held = words(question), words(entry_question)
    here, there = frozenset(asked), frozenset(held)
    negation_differs = _negated(question, here) != _negated(entry_question, there)
    if negation_differs:
        return _apart(here, there, _WITHOUT) or (_yes_no(asked) and _yes_no(held))
    return _apart(here, there, _OPPOSITES)


def _apart(here: Set[str], there: Set[str], pairs: Sequence[tuple[str, str]]) -> bool:
    return any(_parted(here, there, *pair) or _parted(there, here, *pair) for pair in pairs)


def _yes_no(of: Sequence[str]) -> bool:
    return len(of) > 1 and of[0] in _AUXILIARIES and of[1] not in _NEGATIONS


def _parted(here: Set[str], there: Set[str], one: str, other: str) -> bool:
    return one in here and other in there and other not in here and one not in there


def _negated(text: str, of: Set[str]) -> bool:
    return bool(of & _NEGATIONS) or _CONTRACTED.search(text) is not None
