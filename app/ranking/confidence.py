"""How sure retrieval is that its first hit answers the question, and whether the FAQ holds it at all.

Two logistic regressions. The coefficients come from `askd eval calibrate` and lie in
`app/ranking/calibration/`, one file for each embedder, whose cosines have a scale of their own, and one for
words alone. Each names its command.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

LEXICAL = "lexical"
MARGIN_MOST = 0.15  # a larger distance to the second hit says no more: small FAQs have large ones everywhere


@dataclass(frozen=True, slots=True)
class Features:
    """What the confidence looks at; of the first hit."""

    coverage: float  # share of the question's content that the entry holds, weighted by rarity
    cosine: float | None = None  # None: the search was by words alone
    late: float | None = None  # late interaction, mean over the content words; None: not computed
    late_min: float | None = None  # of the content word that the entry meets worst
    margin: float = 0.0  # score of the first hit less that of the second


@dataclass(frozen=True, slots=True)
class Weights:
    """The coefficients of one logistic regression."""

    intercept: float
    coverage: float
    cosine: float = 0.0
    late: float = 0.0
    late_min: float = 0.0
    margin: float = 0.0

    def logit(self, of: Features) -> float:
        return (
            self.intercept
            + self.coverage * of.coverage
            + self.cosine * (of.cosine or 0.0)
            + self.late * (of.late or 0.0)
            + self.late_min * (of.late_min or 0.0)
            + self.margin * min(of.margin, MARGIN_MOST)
        )

    def probability(self, of: Features) -> float:
        """0–1."""
        return 1 / (1 + math.exp(-self.logit(of)))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities. From `answer` on the first hit answers; below `suggest` the FAQ does not hold it."""

    answer: float
    suggest: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What an embedder sets: both regressions, the thresholds where an index has none, and the ranking."""

    answers: Weights  # "the first hit answers"
    held: Weights  # "the FAQ holds the answer": without the margin, for near-duplicates have none
    thresholds: Thresholds
    cosine_weight: float  # in the ranking, against BM25 as a share of the best

    @property
    def interacts(self) -> bool:
        """Whether it looks at the token vectors at all."""
        return any((self.answers.late, self.answers.late_min, self.held.late, self.held.late_min))


def calibration_of(embedder: str | None) -> Calibration:
    """Of the embedder with this name; of lexical search for None and an unknown embedder."""
    return _read(embedder or LEXICAL) or _read(LEXICAL) or _missing()


@lru_cache
def _read(name: str) -> Calibration | None:
    file = files("app") / "ranking" / "calibration" / f"{name}.json"
    if not file.is_file():
        return None
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Calibration(
        Weights(**found["answers"]),
        Weights(**found["held"]),
        Thresholds(**found["thresholds"]),
        found["cosine_weight"],
    )


def _missing() -> Calibration:
    raise AssertionError("app/ranking/calibration/lexical.json belongs to the package")
