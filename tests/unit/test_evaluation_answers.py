from dataclasses import replace

import pytest

from app.domain import Status
from app.evaluation.answers import ASKED, OFF_TOPIC, curve, endings, figures, missed
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
    ("at_least", "at_most", "said"),
    [
        ([], [], []),
        (["asked.right=0.2"], ["asked.wrong=0.2", "off-topic.answered=0.5"], []),
        (["asked.right=0.3"], [], ["asked.right is 0.2000, less than 0.3"]),
        ([], ["off-topic.answered=0.1"], ["off-topic.answered is 0.5000, more than 0.1"]),
    ],
)
def test_a_gate_that_is_missed_is_named(at_least: list[str], at_most: list[str], said: list[str]) -> None:
    off_topic = endings([outcome([], [A]), outcome([], [A], status=Status.NO_ANSWER)])
    assert missed(figures({ASKED: endings(OUTCOMES), OFF_TOPIC: off_topic}), at_least, at_most) == said


@pytest.mark.parametrize("gate", ["asked.rihgt=0.2", "0.2", "asked.right=much"])
def test_a_gate_that_names_no_figure_is_refused(gate: str) -> None:
    with pytest.raises(ValueError, match=r"no figure|could not convert"):
        missed(figures({ASKED: endings(OUTCOMES)}), [gate], [])


def test_the_curve_counts_what_would_be_answered() -> None:
    found = curve({ASKED: [outcome([A], [A], confidence=0.9), outcome([A], [B], confidence=0.4)]})
    assert (found.right[ASKED][50], found.wrong[ASKED][50], found.wrong[ASKED][30]) == (0.5, 0.0, 0.5)


def test_several_answers_are_right_when_each_is() -> None:
    both = replace(outcome([A, B], [A, B]), given=[A, B])
    one = replace(outcome([A], [A, B]), given=[A, B])
    assert (both.right, one.right) == (True, False)
