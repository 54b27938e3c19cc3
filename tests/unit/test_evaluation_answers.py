import pytest

from app.domain import Status
from app.evaluation.answers import ASKED, OFF_TOPIC, endings, missed
from tests.support.finder import entries, outcome

A, B = entries("a", "b")
OUTCOMES = [
    outcome([A], [A, B]),
    outcome([A], [B, A]),
    outcome([A], [B, A], status=Status.SUGGESTED),
    outcome([A], [B], status=Status.SUGGESTED),
    outcome([A], [A], status=Status.NO_ANSWER),
]


def test_each_question_ends_in_one_way() -> None:
    found = endings(OUTCOMES)
    shares = (found.right, found.wrong, found.suggested_right, found.suggested_other, found.declined)
    assert shares == (0.2, 0.2, 0.2, 0.2, 0.2)
    assert found.suggestions_right == 0.5


def test_without_a_right_entry_every_answer_is_wrong() -> None:
    found = endings([outcome([], [A]), outcome([], [A], status=Status.NO_ANSWER)])
    assert (found.right, found.wrong, found.declined, found.suggestions_right) == (0, 0.5, 0.5, None)


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({}, []),
        ({"min-right": 0.2, "max-wrong": 0.2, "max-off-topic": 0.5}, []),
        ({"min-right": 0.3}, ["answered right: 0.2000, less than 0.3"]),
        ({"max-off-topic": 0.1}, ["off-topic questions answered: 0.5000, more than 0.1"]),
    ],
)
def test_a_gate_that_is_missed_is_named(gates: dict[str, float | None], said: list[str]) -> None:
    off_topic = endings([outcome([], [A]), outcome([], [A], status=Status.NO_ANSWER)])
    assert missed({ASKED: endings(OUTCOMES), OFF_TOPIC: off_topic}, gates) == said
