"""Fusion of lexical and semantic signals into a ranking. Pure, and the same for every index."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate

from app.domain import FaqEntry, Hit, Status
from app.ranking.candidates import Candidate, Candidates, WordStatistics
from app.ranking.confidence import Features
from app.ranking.coverage import coverages
from app.ranking.stop_words import language_in
from app.ranking.text import normalised_question

# BM25 favours an entry that repeats one word, coverage one that holds all of them. On the development
# questions weights from .15 to .3 are alike.
_COVERAGE_WEIGHT = 0.2
_COVERED = 10  # places whose coverage is looked at
# Languages that join words: coverage does not see Parkausweis in Anwohnerparkausweis, pieces of words do.
_COMPOUNDING = {"german", "dutch", "danish", "swedish", "norwegian", "finnish", "hungarian"}
_SUGGESTED = 5  # places that are looked at where nothing is sure
_BY_SCORE = 3  # of these are the first by score alone
_CONTENDING = 4  # hits behind them, which compete for the others
_GIVEN = 0.5  # of its score keeps an entry that was the answer to an earlier question


class Fusion(StrEnum):
    """Which scores order the hits."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits, best first; what follows `features` is the judgement (`app.ranking.judgement`)."""

    hits: Sequence[Hit]
    exact: bool = False  # the question is the first hit's own, letter case, spacing and punctuation aside
    features: Features = field(default_factory=lambda: Features(0.0))  # of the first hit
    status: Status = Status.NO_ANSWER  # of an answer from these hits
    confidence: float = 0.0  # 0–1: the probability that the first hit answers
    confident: bool = False  # the first hit may speak for a model that is down
    lacking: Sequence[str] = ()  # identifying words of the question that the first hit does not hold
    foreign: str | None = None  # the question's language, where the first hit's is another one
    contenders: Sequence[Hit] = ()  # for the last places of what is suggested

    @property
    def answerable(self) -> bool:
        return self.status is Status.ANSWERED

    def suggesting(self, likeness: Sequence[float]) -> "Ranking":
        """For somebody who chooses among them: the contenders by score and `likeness` (0–1) together.

        Where nothing is sure the scores lie close, and are mostly those of a few words.
        """
        behind = self.hits[_BY_SCORE + len(self.contenders) :]
        contending = sorted(
            zip(self.contenders, likeness, strict=True), key=lambda each: -(each[0].score + each[1])
        )
        ordered = [*self.hits[:_BY_SCORE], *(hit for hit, _ in contending), *behind]
        scores = accumulate((hit.score for hit in ordered), min)  # they order the hits
        hits = [replace(hit, score=score) for hit, score in zip(ordered, scores, strict=True)]
        return replace(self, hits=hits[: len(self.hits)])


NOTHING = Ranking([])


def rank(
    wordings: Sequence[str],
    found: Candidates,
    statistics: WordStatistics,
    cosine_weight: float,
    limit: int,
    fusion: Fusion = Fusion.HYBRID,
    language: str = "english",
    given: Callable[[FaqEntry], bool] | None = None,
) -> Ranking:
    """Order the candidates; entries with the same question and answer in one collection take one place.

    What was `given` as an answer before scores less: who goes on asking seldom wants the same again.

    `wordings` are the question and what it says with synonyms; `cosine_weight` is against BM25.
    """
    asked = normalised_question(wordings[0])
    scored = _scored(found, fusion, cosine_weight)
    places: dict[tuple[str, str, str], tuple[float, Candidate]] = {}
    if given:
        scored = [(score * (_GIVEN if given(each.entry) else 1.0), each) for score, each in scored]
    for score, candidate in sorted(scored, key=lambda each: (-each[0], each[1].entry.key)):
        entry = candidate.entry
        place = (_normalised(entry.question), entry.collection, _normalised(entry.answer))
        places.setdefault(place, (score, candidate))
    if not places:
        return NOTHING
    weight = 0.0 if fusion is Fusion.SEMANTIC or language in _COMPOUNDING else _COVERAGE_WEIGHT
    best = list(places.values())
    covered = [*_covered(wordings, best[:_COVERED], statistics, language), *[0.0] * (len(best) - _COVERED)]
    ordered = sorted(
        (
            (Hit(each.entry, (score + weight * share) / (1 + weight), each.lexical, each.semantic), share)
            for (score, each), share in zip(best, covered, strict=True)
        ),
        # An entry that asks the very question comes first, whatever the scores say; the sort is stable.
        key=lambda hit: (_normalised(hit[0].entry.question) != asked, -hit[0].score),
    )
    hits = [hit for hit, _ in ordered]
    exact = bool(asked) and _normalised(hits[0].entry.question) == asked
    features = _features(hits, ordered[0][1], found.semantic_floor)
    by_both = fusion is Fusion.HYBRID and found.semantic_floor is not None
    contend = by_both and limit >= _SUGGESTED
    contenders = hits[_BY_SCORE : _BY_SCORE + _CONTENDING] if contend else ()
    return Ranking(hits[:limit], exact, features, contenders=contenders)


def _covered(
    wordings: Sequence[str],
    best: Sequence[tuple[float, Candidate]],
    statistics: WordStatistics,
    language: str,
) -> Sequence[float]:
    """The coverage of each entry, by the wording that it holds most of."""
    language = language_in(wordings[0], language)
    entries = [candidate.entry for _, candidate in best]
    by_wording = [coverages(wording, entries, statistics, language) for wording in wordings]
    return [max(shares) for shares in zip(*by_wording, strict=True)]


def _features(hits: Sequence[Hit], covered: float, floor: float | None) -> Features:
    first = hits[0]
    cosine = floor if first.semantic is None else first.semantic
    margin = first.score - (hits[1].score if len(hits) > 1 else 0.0)
    return Features(covered, cosine, margin=max(margin, 0.0))


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
