"""Who does what to whom: words of a source in each other's place. Pure.

A model that mixes up its source writes the source's own words: "the teacher reviews the homework" where
students review it and the teacher grades. Told where the source has the same run of words with another word
before or behind it, or with both ends exchanged.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.answering.checks.names import capitalises_nouns
from app.ranking.plain_text import content, stem
from app.ranking.stop_words import STOP_WORDS, stop_words

_TOKEN = re.compile(r"[^\W_]+(?:['._/-][^\W_]+)*|[,;:()]")
_SHORTEST, _LONGEST = 3, 6  # words of a run
_TELLING = 2  # of them with content
_NEAR = 6  # words: so near, two words stand in one list or phrase
_JOINING = frozenset(["and", "or", "as", "und", "oder", "sowie", "y", "o", "et", "ou", *",;:()"])
_AND, _OR = frozenset(["and", "und", "y", "et"]), frozenset(["or", "oder", "o", "ou"])
_MUTUAL = frozenset(map(stem, ["differ", "differs", "different", "equal", "equals", "same", "similar", "vs"]))
_OBLIQUE = frozenset(["den", "dem", "einen", "einem"])  # in German these tell the object
_FUNCTION_WORDS = STOP_WORDS | stop_words("german")
_REQUIRES = re.compile(
    r"\b(?:must|needs?|requires?|required|have to|has to|both|"
    r"muss|müssen|brauch\w+|benötig\w+|erforderlich)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Words:
    stems: Sequence[str]
    telling: Sequence[bool]  # which of them have content

    def backwards(self) -> "_Words":
        return _Words(self.stems[::-1], self.telling[::-1])


def misplaced(sentence: str, sources: Sequence[str]) -> str | None:
    """The word of a folded sentence that the folded sentences of its source have in another place."""
    said, held = _words(sentence), [_words(source) for source in sources]
    return (
        _replacing(said, held)
        or _replacing(said.backwards(), [each.backwards() for each in held])
        or _exchanged(said, held, free_order=capitalises_nouns(sentence))
        or _other_choice(sentence, said, held)
        or _other_agent(said, held)
    )


@lru_cache(maxsize=4_000)
def _words(text: str) -> _Words:
    tokens = [token.casefold() for token in _TOKEN.findall(text)]
    telling = [
        token.isalpha() and len(token) > 1 and token not in _FUNCTION_WORDS and bool(content(token))
        for token in tokens
    ]
    return _Words([stem(token) for token in tokens], telling)


def _replacing(said: _Words, held: Sequence[_Words]) -> str | None:
    """A word of the source before a run of words that has another one before it in the source."""
    known = {word for each in held for word in each.stems}
    for at, word in enumerate(said.stems):
        if not said.telling[at] or word not in known or not (run := _run(said, at + 1)):
            continue
        beside = said.stems[max(0, at - 2) : at]
        others = list(_before(run, held))
        if others and all(
            each.telling[before]
            and word not in each.stems[max(0, before - _NEAR) : before + 1]
            and each.stems[before] not in beside
            for each, before in others
        ):
            return word
    return None


def _run(words: _Words, start: int) -> Sequence[str]:
    """The shortest run of words from `start` on that tells a place; empty where there is none."""
    for end in range(start + 1, min(start + _LONGEST, len(words.stems)) + 1):
        if words.stems[end - 1] in _JOINING:
            return []
        if end - start >= _SHORTEST and sum(words.telling[start:end]) >= _TELLING:
            return words.stems[start:end]
    return []


def _before(run: Sequence[str], held: Sequence[_Words]) -> Iterator[tuple[_Words, int]]:
    """Each place of the source before that run of words; none where it begins a sentence."""
    return ((each, start - 1) for each, start in _found(run, held) if start)


def _exchanged(said: _Words, held: Sequence[_Words], *, free_order: bool) -> str | None:
    """Two words in each other's place: "the worker starts the scheduler"."""
    for at, word in enumerate(said.stems):
        for end in range(at + 2, min(at + _NEAR, len(said.stems))) if said.telling[at] else ():
            between, other = said.stems[at + 1 : end], said.stems[end]
            if between[-1] in _JOINING:
                break
            if not said.telling[end] or word == other or not any(said.telling[at + 1 : end]):
                continue
            if _MUTUAL & set(between) or (free_order and not _OBLIQUE & set(between)):
                continue
            if _holds(held, [other, *between, word]) and not _holds(held, [word, *between, other]):
                return word
    return None


def _other_choice(sentence: str, said: _Words, held: Sequence[_Words]) -> str | None:
    """ "Docker or Git" where both are needed; where something is only possible, the two say the same."""
    if not _REQUIRES.search(sentence):
        return None
    for before, joint, after in zip(said.stems, said.stems[1:], said.stems[2:], strict=False):
        others = _OR if joint in _AND else _AND if joint in _OR else ()
        exchanged = any(_holds(held, [before, other, after]) for other in others)
        if exchanged and not _holds(held, [before, joint, after]):
            return joint
    return None


def _other_agent(said: _Words, held: Sequence[_Words]) -> str | None:
    """Who does it and who has it done exchanged: "adults are accompanied by children"."""
    for at in (at for at, word in enumerate(said.stems) if word == "by" and at):
        verb, agent = said.stems[at - 1], _next_telling(said, at)
        if agent is None or not said.telling[at - 1]:
            continue
        places = [(each, start) for each, start in _found([verb, "by"], held)]
        if places and all(
            agent in each.stems[max(0, start - 2 * _NEAR) : start]
            and agent not in each.stems[start + 2 : start + 2 + _NEAR]
            for each, start in places
        ):
            return agent
    return None


def _next_telling(words: _Words, at: int) -> str | None:
    return next(
        (words.stems[to] for to in range(at + 1, min(at + 4, len(words.stems))) if words.telling[to]), None
    )


def _holds(held: Sequence[_Words], run: Sequence[str]) -> bool:
    return any(True for _ in _found(run, held))


def _found(run: Sequence[str], held: Sequence[_Words]) -> Iterator[tuple[_Words, int]]:
    """Where the source has that run of words."""
    for each in held:
        for start in range(len(each.stems) - len(run) + 1):
            if each.stems[start] == run[0] and each.stems[start : start + len(run)] == run:
                yield each, start
