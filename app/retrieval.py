"""From raw signals to a ranking and to how far it can be trusted. Pure, and the same for every index."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.domain import Candidate, FaqEntry, Hit, WordStatistics
from app.text import STOP_WORDS, entry_words, normalised_question, words

# Coverage of the question by the best entry. Below the first the FAQ does not hold the answer; from the
# second on, that entry's own words may stand in for a model that is down. Simple for now: a calibrated
# confidence comes with hybrid retrieval.
ANSWERABLE = 0.3
CONFIDENT = 0.5
# Of an answer's own content: less than this in the entries it was written from, and it goes beyond them.
SUPPORTED = 0.45

_FUZZY_LETTERS = 5  # a word of so many letters also counts when another is nearly the same: typos, plurals
_FUZZY_SIMILARITY = 0.66  # 1 − edits (swaps of neighbours are one) / letters of the longer word


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits, best first, and how much of the question the first one covers (0–1)."""

    hits: Sequence[Hit]
    coverage: float
    exact: bool  # the question is the first hit's own, letter case, spacing and punctuation aside

    @property
    def answerable(self) -> bool:
        return self.exact or self.coverage >= ANSWERABLE

    @property
    def confident(self) -> bool:
        return self.exact or self.coverage >= CONFIDENT


def rank(question: str, found: Iterable[Candidate], statistics: WordStatistics, limit: int) -> Ranking:
    """Order the candidates; entries with the same question in one collection take one place."""
    asked = normalised_question(question)
    candidates = list(found)
    top = max((candidate.lexical or 0.0 for candidate in candidates), default=0.0) or 1.0
    places: dict[tuple[str, str], Hit] = {}
    for candidate in sorted(candidates, key=lambda each: (-(each.lexical or 0.0), each.entry.key)):
        place = candidate.entry.collection, normalised_question(candidate.entry.question)
        hit = Hit(candidate.entry, (candidate.lexical or 0.0) / top, candidate.lexical, candidate.semantic)
        places.setdefault(place, hit)
    # An entry that asks the very question comes first, whatever the scores say; the sort is stable.
    ordered = sorted(places.items(), key=lambda item: item[0][1] != asked)[:limit]
    if not ordered:
        return Ranking([], 0.0, exact=False)
    hits = [hit for _, hit in ordered]
    return Ranking(
        hits, coverage(question, hits[0].entry, statistics), exact=bool(asked) and ordered[0][0][1] == asked
    )


def coverage(text: str, entry: FaqEntry, statistics: WordStatistics) -> float:
    """How much of a text's content an entry holds: the share of its words, weighted by rarity; 0–1."""
    return coverage_by(text, [entry], statistics)


def coverage_by(text: str, entries: Iterable[FaqEntry], statistics: WordStatistics) -> float:
    """The same for what several entries hold together."""
    held = {word for entry in entries for word in entry_words(entry)}
    near = [word for word in held if len(word) >= _FUZZY_LETTERS - 1]
    weights = _rarity(words(text), statistics)
    total = sum(weights.values())
    if not total:
        return 0.0
    return sum(weight for word, weight in weights.items() if word in held or _nearly(word, near)) / total


def repeated(answer: str, entries: Mapping[int, FaqEntry], statistics: WordStatistics) -> set[int]:
    """Positions of the entries whose words an answer repeats: what it rests on when it has no marks."""
    shares = {position: coverage(answer, entry, statistics) for position, entry in entries.items()}
    best = max(shares.values(), default=0.0)
    return {position for position, share in shares.items() if share == best >= SUPPORTED}


def _rarity(of: Iterable[str], statistics: WordStatistics) -> Mapping[str, float]:
    """Inverse document frequency as in BM25 (Robertson & Spärck Jones 1976), of content words only."""

    def idf(word: str) -> float:
        frequency = statistics.frequencies.get(word, 1)
        return math.log(1 + (statistics.entries - frequency + 0.5) / (frequency + 0.5))

    return {word: idf(word) for word in of if word not in STOP_WORDS}


def _nearly(word: str, held: Sequence[str]) -> bool:
    if len(word) < _FUZZY_LETTERS:
        return False
    near = process.extractOne(word, held, scorer=OSA.normalized_similarity, score_cutoff=_FUZZY_SIMILARITY)
    return near is not None
