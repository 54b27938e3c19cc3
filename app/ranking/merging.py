"""Merges the rankings of several questions in one text into one list of sources. Pure."""

from collections.abc import Sequence
from itertools import zip_longest

from app.domain import Hit, Status
from app.ranking.fusion import NOTHING, Ranking

_ORDER = (Status.NO_ANSWER, Status.SUGGESTED, Status.ANSWERED)


def standing(ranking: Ranking) -> tuple[int, float]:
    """Orders rankings of different questions: by their status, then by their confidence."""
    return _ORDER.index(ranking.status), ranking.confidence


def merged(rankings: Sequence[Ranking], limit: int) -> Ranking:
    """First each one's best hit, then each one's second, … each entry once.

    No hit that answers is left out, even where `limit` is less. The confidence is that of the best.
    """
    if not rankings:
        return NOTHING
    taken: dict[tuple[str, str], Hit] = {}
    answers = [ranking.hits[0] for ranking in rankings if ranking.answerable]
    turns = zip_longest(*(ranking.hits for ranking in rankings))
    for hit in [*answers, *(hit for turn in turns for hit in turn if hit)]:
        taken.setdefault(hit.entry.key, hit)
    best = max(rankings, key=standing)
    hits = list(taken.values())[: max(limit, len({hit.entry.key for hit in answers}))]
    return Ranking(
        hits,
        features=best.features,
        status=best.status,
        confidence=best.confidence,
        confident=all(ranking.confident for ranking in rankings if ranking.answerable),
        foreign=best.foreign,
    )
