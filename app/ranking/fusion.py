"""From raw signals to a ranking and to how far it can be trusted. Pure, and the same for every index."""

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from app.domain import FaqEntry, Hit
from app.ranking.candidates import Candidate, Candidates, WordStatistics
from app.ranking.confidence import Calibration, Features
from app.ranking.text import STOP_WORDS, entry_words, normalised_question, words

# Of an answer's own content: less than this in the entries it was written from, and it goes beyond them.
SUPPORTED = 0.45

_FUZZY_LETTERS = 5  # a word of so many letters also counts when another is nearly the same: typos, plurals
_FUZZY_SIMILARITY = 0.66  # 1 − edits (swaps of neighbours are one) / letters of the longer word

_SHORT_WORDS = 4  # fewer content words than this are too few to judge a question by
_SHORT_COVERAGE, _SHORT_COSINE = 0.5, 0.6  # what a short sentence needs to count as a match


class Fusion(StrEnum):
    """Which signals order the hits."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits, best first, and how far the first one can be trusted."""

    hits: Sequence[Hit]
    features: Features
    confidence: float  # 0–1: the probability that the first hit answers
    answerable: bool  # the FAQ holds the answer; exact and short ones count
    confident: bool  # the first hit may speak for a model that is down
    exact: bool  # the question is the first hit's own, letter case, spacing and punctuation aside
    short: bool  # answerable only because so few words cannot be judged


NOTHING = Ranking([], Features(0.0), 0.0, answerable=False, confident=False, exact=False, short=False)


def rank(
    wordings: Sequence[str],
    found: Candidates,
    statistics: WordStatistics,
    calibration: Calibration,
    limit: int,
    fusion: Fusion = Fusion.HYBRID,
) -> Ranking:
    """Order the candidates; entries with the same question in one collection take one place.

    `wordings` are the question and what it says with synonyms.
    """
    asked = normalised_question(wordings[0])
    scored = _scored(found, fusion, calibration.cosine_weight)
    places: dict[tuple[str, str], tuple[float, Candidate]] = {}
    for score, candidate in sorted(scored, key=lambda each: (-each[0], each[1].entry.key)):
        entry = candidate.entry
        places.setdefault((entry.collection, _normalised(entry.question)), (score, candidate))
    # An entry that asks the very question comes first, whatever the scores say; the sort is stable.
    ordered = sorted(places.items(), key=lambda item: item[0][1] != asked)[:limit]
    if not ordered:
        return NOTHING
    hits = [Hit(each.entry, score, each.lexical, each.semantic) for _, (score, each) in ordered]
    exact = bool(asked) and ordered[0][0][1] == asked
    return _judged(wordings, hits, found.semantic_floor, statistics, calibration, exact)


_normalised = lru_cache(maxsize=5_000)(normalised_question)  # of entries, which come again


def _scored(found: Candidates, fusion: Fusion, cosine_weight: float) -> list[tuple[float, Candidate]]:
    """Scores of 0–1. BM25 has no scale, so its best is 1; what the semantic list lacks counts as its end."""
    by_meaning = fusion is not Fusion.LEXICAL and found.semantic_floor is not None
    by_words = fusion is not Fusion.SEMANTIC or not by_meaning
    weight = cosine_weight if by_meaning and by_words else float(by_meaning)
    top = max((candidate.lexical or 0.0 for candidate in found.found), default=0.0) or 1.0

    floor = found.semantic_floor or 0.0
    scored = []
    for candidate in found.found:
        _, lexical, semantic = candidate
        if (by_words and lexical is not None) or (by_meaning and semantic is not None):
            cosine = floor if semantic is None else semantic
            score = (1 - weight) * (lexical or 0.0) / top + weight * max(cosine, 0.0)
            scored.append((min(score, 1.0), candidate))
    return scored


def _judged(
    wordings: Sequence[str],
    hits: Sequence[Hit],
    floor: float | None,
    statistics: WordStatistics,
    calibration: Calibration,
    exact: bool,
) -> Ranking:
    covered = max(coverage(wording, hits[0].entry, statistics) for wording in wordings)
    cosine = floor if hits[0].semantic is None else hits[0].semantic
    features = Features(covered, cosine)
    confidence = 1.0 if exact else calibration.probability(features)
    enough = confidence >= calibration.threshold
    short = not enough and _matches_shortly(wordings[0], features)
    return Ranking(
        hits,
        features,
        confidence,
        answerable=enough or short,
        confident=calibration.sure(confidence),
        exact=exact,
        short=short,
    )


def _matches_shortly(question: str, features: Features) -> bool:
    """Whether a question of few content words matches at all: then it gets the best entry, not a refusal.

    Key words alone match by any of them. A sentence says more, so it has to match in more.
    """
    asked = words(question)
    content = [word for word in asked if word not in STOP_WORDS]
    if len(set(content)) >= _SHORT_WORDS:
        return False
    if len(content) == len(asked):
        return features.coverage > 0
    return features.coverage >= _SHORT_COVERAGE and (features.cosine or 0.0) >= _SHORT_COSINE


def coverage(text: str, entry: FaqEntry, statistics: WordStatistics) -> float:
    """How much of a text's content an entry holds: the share of its words, weighted by rarity; 0–1."""
    return coverage_by(text, [entry], statistics)


def coverage_by(text: str, entries: Iterable[FaqEntry], statistics: WordStatistics) -> float:
    """The same for what several entries hold together."""
    vocabularies = [_vocabulary(entry) for entry in entries]
    weights = _rarity(words(text), statistics)
    total = sum(weights.values())
    if not total:
        return 0.0
    held = frozenset[str]().union(*[each.words for each in vocabularies])
    covered = [
        weight
        for word, weight in weights.items()
        if word in held or any(_nearly(word, each.long) for each in vocabularies)
    ]
    return sum(covered) / total


def repeated(answer: str, entries: Mapping[int, FaqEntry], statistics: WordStatistics) -> set[int]:
    """Positions of the entries whose words an answer repeats: what it rests on when it has no marks."""
    shares = {position: coverage(answer, entry, statistics) for position, entry in entries.items()}
    best = max(shares.values(), default=0.0)
    return {position for position, share in shares.items() if share == best >= SUPPORTED}


def _rarity(of: Iterable[str], statistics: WordStatistics) -> Mapping[str, float]:
    """Inverse document frequency as in BM25 (Robertson & Spärck Jones 1976), of content words only."""
    entries, frequency_of = statistics.entries, statistics.frequencies.get
    return {word: _idf(entries, frequency_of(word, 1)) for word in of if word not in STOP_WORDS}


@lru_cache(maxsize=5_000)
def _idf(entries: int, frequency: int) -> float:
    return math.log(1 + (entries - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The different words of an entry, and those a word of a question may be nearly the same as."""

    words: Set[str]
    long: Sequence[str]


@lru_cache(maxsize=500)  # the entries asked for most; words are looked for in the same ones again and again
def _vocabulary(entry: FaqEntry) -> _Vocabulary:
    held = frozenset(entry_words(entry))
    return _Vocabulary(held, [word for word in held if len(word) >= _FUZZY_LETTERS - 1])


def _nearly(word: str, held: Sequence[str]) -> bool:
    if len(word) < _FUZZY_LETTERS:
        return False
    near = process.extractOne(word, held, scorer=OSA.normalized_similarity, score_cutoff=_FUZZY_SIMILARITY)
    return near is not None
