import pytest

from app.domain import Status
from app.evaluation.abstention import ANSWERABLE, REMOVED, UNANSWERABLE, Abstention, abstention
from tests.support.finder import entries, outcome

(A,) = FOUND = entries("a")


def result() -> Abstention:
    return abstention(
        {
            ANSWERABLE: [outcome([A], FOUND, confidence=each) for each in (0.4, 0.9, 0.95, 1.0)],
            UNANSWERABLE: [
                outcome([], FOUND, confidence=0.1, status=Status.NO_ANSWER),
                outcome([], FOUND, confidence=0.6),
                outcome([], [], confidence=0.0, status=Status.NO_ANSWER),
            ],
            REMOVED: [],
        }
    )


def test_the_rates_are_those_of_what_the_service_decides() -> None:
    assert result().questions == {ANSWERABLE: 4, UNANSWERABLE: 3}
    assert {kind: of.value for kind, of in result().refused.items()} == pytest.approx(
        {ANSWERABLE: 0, UNANSWERABLE: 2 / 3}
    )


@pytest.mark.parametrize(
    ("threshold", "answerable", "unanswerable"),
    [(0.0, 0, 1 / 3), (0.1, 0, 1 / 3), (0.5, 1 / 4, 2 / 3), (0.9, 1 / 4, 1), (1.0, 3 / 4, 1)],
)
def test_the_curve_tells_what_lies_below_each_threshold(
    threshold: float, answerable: float, unanswerable: float
) -> None:
    curve = result().curve
    at = [round(each, 6) for each in curve.thresholds].index(threshold)
    assert curve.refused[ANSWERABLE][at] == pytest.approx(answerable)
    assert curve.refused[UNANSWERABLE][at] == pytest.approx(unanswerable)


def test_more_is_refused_as_the_threshold_rises() -> None:
    for refused in result().curve.refused.values():
        assert list(refused) == sorted(refused)
