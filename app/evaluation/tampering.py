"""Sentences of a FAQ with one fact changed: each must be told from the sentence it was made of.

Every rule changes one number, unit, date, name, command, path, link or telling word, chosen by a seed.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.answering.sentences import sentences
from app.domain import FaqEntry
from app.evaluation.changed_facts import FACTS, NAME, changed_name
from app.evaluation.changed_words import WORDS
from app.ranking.plain_text import plain
from app.ranking.stop_words import STOP_WORDS

_ROUNDS = 12  # a sentence holds several facts; each round may meet another one

Rule = Callable[[str, random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Tampered:
    kind: str
    entry: FaqEntry
    text: str


def changed(told: Sequence[tuple[FaqEntry, str]], each: int, seed: int = 0) -> Iterator[Tampered]:
    """Up to `each` different changed sentences of every kind."""
    for kind, rule in _rules(sentence for _, sentence in told).items():
        rng = random.Random(f"{seed} {kind}")  # noqa: S311 (a test set, no secret)
        seen: set[str] = set()
        for _ in range(_ROUNDS):
            for entry, sentence in rng.sample(told, len(told)):
                text = rule(sentence, rng)
                if text and text != sentence and text not in seen and len(seen) < each:
                    seen.add(text)
                    yield Tampered(kind, entry, text)
            if len(seen) >= each:
                break


def whole_sentences(entry: FaqEntry) -> list[str]:
    """An entry's sentences of 4 to 40 words, as plain text."""
    return [
        each for each in sentences(plain(entry.answer)) if 4 <= len(each.split()) <= 40 and "```" not in each
    ]


def _rules(told: Iterable[str]) -> Mapping[str, Rule]:
    found = Counter(name for sentence in told for name in set(NAME.findall(sentence)))
    names = sorted(name for name in found if name.casefold() not in STOP_WORDS) or ["Atlantis"]
    return {**FACTS, **WORDS, "name": lambda text, rng: changed_name(text, rng, names)}
