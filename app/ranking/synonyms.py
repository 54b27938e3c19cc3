"""Words that mean the same in one organisation: `k8s, kubernetes`. Kept in the index, used on questions."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from app.errors import BadSettings
from app.ranking.text import words

_MOST_WORDINGS = 16  # a question with several synonyms has many; these are enough to be found by


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
    """The question as it is, then with each of its synonyms in place of what it says."""
    if not synonyms:
        return [question]
    return [question, *islice(_others(" ".join(words(question)), synonyms), _MOST_WORDINGS)]


def _others(asked: str, synonyms: Sequence[Sequence[str]]) -> Iterator[str]:
    padded = f" {asked} "
    for group in synonyms:
        for said in group:
            if f" {said} " in padded:
                for other in group:
                    if other != said:
                        yield padded.replace(f" {said} ", f" {other} ").strip()


def search_text(of: Sequence[str]) -> str:
    """All wordings as one text to search for: the question, then the words that only the others have."""
    if len(of) == 1:
        return of[0]
    known = set(words(of[0]))
    more = [word for wording in of[1:] for word in words(wording) if word not in known]
    return " ".join([of[0], *dict.fromkeys(more)])
