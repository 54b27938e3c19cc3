"""Thresholds of an index without a single labelled question. Pure.

Each entry's own question is asked as if its entry were not there: whatever comes first is then no answer, or
a near-duplicate. Their scores say what "near, but not it" looks like in this FAQ. A threshold taken from
another FAQ declined between .3 and 20 % of the answerable; one taken from here 3 to 10 %.
"""

import math
from collections.abc import Sequence

from app.ranking.confidence import Calibration, Features, Thresholds

MOST_QUESTIONS = 300  # a seeded sample of this size estimates the quantiles well enough
# On the development FAQ .45 answers wrong too often, .55 right too seldom.
_ANSWER_QUANTILE = 0.5
_SUGGEST_QUANTILE = 0.1  # less a standard error, which is most of it where there are few
_LOWER, _HIGHER = 1.0, 2.0  # log-odds: how far an index may leave the calibration
_LEAST_SUGGEST = -9.5  # log-odds: suggestions below are of no help
_PRIOR = 50  # questions that the calibration's own thresholds count as: few entries move them little


def own_thresholds(found: Sequence[Features], calibration: Calibration) -> Thresholds:
    """From the features of the first hits of own questions, their entries struck out.

    A quantile of few is mostly chance: it is drawn to the calibration's threshold. Suggestions only ever get
    easier: an FAQ that is unlike the calibration's must not decline what it holds. A question whose token
    vectors could not be had is left out: without late interaction its score is of another scale.
    """
    shipped = calibration.thresholds
    measured = [each for each in found if each.late is not None or not calibration.interacts]
    if not measured:
        return shipped
    answers = sorted(calibration.answers.logit(each) for each in measured)
    held = sorted(calibration.held.logit(each) for each in measured)
    usual = _logit(shipped.answer)
    answer = _drawn(_quantile(answers, _ANSWER_QUANTILE), usual, len(measured))
    answer = min(max(answer, usual - _LOWER), usual + _HIGHER)
    suggest = max(min(_low_quantile(held, _SUGGEST_QUANTILE), _logit(shipped.suggest)), _LEAST_SUGGEST)
    return Thresholds(round(_sigmoid(answer), 4), round(_sigmoid(suggest), 6))


def _drawn(measured: float, shipped: float, count: int) -> float:
    return (count * measured + _PRIOR * shipped) / (count + _PRIOR)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _low_quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile at the low end of its interval: one standard error of its place further down."""
    place = share * len(ordered) - math.sqrt(share * (1 - share) * len(ordered))
    return ordered[max(int(place), 0)]


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))
