"""Words that mean the same in one organisation: `k8s, kubernetes`. Kept in the index, used on questions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from pathlib import Path

from app.errors import BadSettings
from app.ranking.text import words

_MOST_WORDINGS = 16  # a question with several synonyms has many; this number is enough


def read_synonyms(path: Path) -> Sequence[Sequence[str]]:
    """One group a line, its words or phrases separated by commas; `#` begins a comment.

    Raises BadSettings, which names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"ASKD_SYNONYMS: {path.name} cannot be read as UTF-8 text") from error
    return list(_groups(lines, path.name))


def _groups(lines: Sequence[str], name: str) -> Iterator[Sequence[str]]:
    for number, line in enumerate(lines, start=1):
        terms = [" ".join(words(term)) for term in line.partition("#")[0].split(",")]
        group = list(dict.fromkeys(term for term in terms if term))
        if len(group) > 1:
            yield group
        elif group:
            raise BadSettings(
                f"ASKD_SYNONYMS: {name}, line {number}: a group needs two words, separated by a comma"
            )


def wordings(question: str, synonyms: Sequence[Sequence[str]]) -> list[str]:
    """The question, then variants of it with synonyms.

    First with one synonym each, then with one of two groups at once, and so on. A word that occurs
    several times is replaced everywhere.
    """
    if not synonyms:
        return [question]
    asked = " ".join(words(question))
    others = dict.fromkeys(other for other in _others(asked, synonyms) if other != asked)
    return [question, *others]


def _others(asked: str, synonyms: Sequence[Sequence[str]]) -> Iterator[str]:
    choices = [choice for group in synonyms if (choice := _choices(asked, group))]
    replacements = (
        dict(chosen)
        for count in range(1, len(choices) + 1)
        for groups in combinations(choices, count)
        for chosen in product(*groups)
    )
    for replacement in islice(replacements, _MOST_WORDINGS):
        yield _replaced(asked, replacement)


def _choices(asked: str, group: Sequence[str]) -> Sequence[tuple[str, str]]:
    """The terms of the question that are in a group, each with its synonyms."""
    said = [term for term in group if f" {term} " in f" {asked} "]
    return [(term, other) for term in said for other in group if other != term]


def _replaced(text: str, replacement: Mapping[str, str]) -> str:
    """In one pass, so that a synonym is not replaced again; the longest term wins."""
    terms = "|".join(re.escape(term) for term in sorted(replacement, key=len, reverse=True))
    return re.sub(rf"(?<!\S)(?:{terms})(?!\S)", lambda found: replacement[found[0]], text)


def search_text(of: Sequence[str]) -> str:
    """All wordings as one text to search for: the question, then the words that only the others have."""
    if len(of) == 1:
        return of[0]
    known = set(words(of[0]))
    more = [word for wording in of[1:] for word in words(wording) if word not in known]
    return " ".join([of[0], *dict.fromkeys(more)])
