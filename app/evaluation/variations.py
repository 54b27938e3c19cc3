"""The same questions made harder. Seeded: the same call always gives the same text."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase

from app.evaluation.questions import Case
from app.ranking.candidates import WordStatistics
from app.ranking.stop_words import STOP_WORDS
from app.ranking.text import words

_LONG_WORD = re.compile(r"[^\W\d_]{5,}")
_SEED = 1


@dataclass(frozen=True, slots=True)
class Variation:
    """How the questions of a file are changed before they are asked; by default not at all."""

    limit: int | None = None  # a random sample of this size
    keywords: int | None = None  # only this many of the rarest content words
    typos: float = 0.0  # share of the longer words
    ignore_collection: bool = False

    def of(self, cases: Sequence[Case], statistics: WordStatistics) -> Sequence[Case]:
        return [self._varied(case, statistics) for case in sample(cases, self.limit, _SEED)]

    def _varied(self, case: Case, statistics: WordStatistics) -> Case:
        text = case.text if self.keywords is None else rarest_words(case.text, self.keywords, statistics)
        collection = None if self.ignore_collection else case.collection
        return replace(case, text=with_typos(text, self.typos, _SEED), collection=collection)


def sample(cases: Sequence[Case], count: int | None, seed: int) -> Sequence[Case]:
    """At most `count` of them, in their order."""
    if count is None or count >= len(cases):
        return cases
    chosen = random.Random(seed).sample(range(len(cases)), count)  # noqa: S311 - no secret
    return [cases[position] for position in sorted(chosen)]


def rarest_words(text: str, count: int, statistics: WordStatistics) -> str:
    """The content words that fewest entries hold, in their order; a text that has none stays as it is."""
    content = [word for word in dict.fromkeys(words(text)) if word not in STOP_WORDS]
    rarest = sorted(content, key=lambda word: statistics.frequencies.get(word, 1))[:count]
    return " ".join(word for word in content if word in rarest) or text


def with_typos(text: str, share: float, seed: int) -> str:
    """One random typo in that share of the words of five and more letters."""
    # Seeded by the text as well, so that a question gets the same typos in any sample.
    chance = random.Random(f"{seed} {text}")  # noqa: S311 - no secret

    def touched(word: re.Match[str]) -> str:
        return _mistyped(word[0], chance) if chance.random() < share else word[0]

    return _LONG_WORD.sub(touched, text)


def _mistyped(word: str, chance: random.Random) -> str:
    """A letter dropped, doubled or replaced, or two neighbours swapped; never the word itself."""
    typo = word
    while typo == word:  # swapping equal neighbours changes nothing
        at = chance.randrange(len(word) - 1)
        before, letter, following, after = word[:at], word[at], word[at + 1], word[at + 2 :]
        other = chance.choice([each for each in ascii_lowercase if each != letter.lower()])
        kinds = [following, following + letter, 2 * letter + following, other + following]
        typo = before + chance.choice(kinds) + after
    return typo
