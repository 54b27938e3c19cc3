"""How sure retrieval is that its first hit answers the question: a calibrated probability.

The coefficients come from `askd eval calibrate` and lie in `app/ranking/calibration/`, one file for each
embedder, whose cosines have a scale of their own, and one for words alone. Each names its command.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

LEXICAL = "lexical"
_SURE = 0.6  # from here on an entry may speak for a model that is down


@dataclass(frozen=True, slots=True)
class Features:
    """What the confidence looks at; of the first hit."""

    coverage: float  # share of the question's content that the entry holds, weighted by rarity
    cosine: float | None = None  # None: the search was by words alone


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression of "the first hit answers" on the features, and what else an embedder sets."""

    intercept: float
    coverage: float
    cosine: float
    threshold: float  # below this probability the question is declined
    cosine_weight: float  # in the ranking, against BM25 as a share of the best

    def probability(self, features: Features) -> float:
        """0–1."""
        logit = self.intercept + self.coverage * features.coverage + self.cosine * (features.cosine or 0.0)
        return 1 / (1 + math.exp(-logit))

    def sure(self, probability: float) -> bool:
        return probability >= max(_SURE, self.threshold)


def calibration_of(embedder: str | None) -> Calibration:
    """Of the embedder with this name; of search by words for None and for one nobody calibrated."""
    return _read(embedder or LEXICAL) or _read(LEXICAL) or _missing()


@lru_cache
def _read(name: str) -> Calibration | None:
    file = files("app") / "ranking" / "calibration" / f"{name}.json"
    if not file.is_file():
        return None
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Calibration(
        **found["coefficients"], threshold=found["threshold"], cosine_weight=found["cosine_weight"]
    )


def _missing() -> Calibration:
    raise AssertionError("app/ranking/calibration/lexical.json belongs to the package")
