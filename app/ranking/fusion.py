"""Fusion of lexical and semantic signals into a ranking, and how far it can be trusted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from app.domain import Hit
from app.ranking.candidates import Candidate, Candidates, WordStatistics
from app.ranking.confidence import Calibration, Features
from app.ranking.coverage import coverage
from app.ranking.text import STOP_WORDS, normalised_question, words

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
    """Order the candidates; entries with the same question and answer in one collection take one place.

    `wordings` are the question and what it says with synonyms.
    """
    asked = normalised_question(wordings[0])
    scored = _scored(found, fusion, calibration.cosine_weight)
    places: dict[tuple[str, str, str], tuple[float, Candidate]] = {}
    for score, candidate in sorted(scored, key=lambda each: (-each[0], each[1].entry.key)):
        entry = candidate.entry
        place = (_normalised(entry.question), entry.collection, _normalised(entry.answer))
        places.setdefault(place, (score, candidate))
    # An entry that asks the very question comes first, whatever the scores say; the sort is stable.
    ordered = sorted(places.items(), key=lambda item: item[0][0] != asked)[:limit]
    if not ordered:
        return NOTHING
    hits = [Hit(each.entry, score, each.lexical, each.semantic) for _, (score, each) in ordered]
    exact = bool(asked) and ordered[0][0][0] == asked
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
