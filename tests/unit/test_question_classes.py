"""Questions made harder by seeded scripts."""

import pytest

from app.domain import FaqEntry
from app.evaluation.question_classes import COMPOUND, NEAR_MISS, NOISY, REWORDED, classes
from app.evaluation.questions import Case, Catalogue, place_of

LAMP = FaqEntry("l", "shop", "How do I return a lamp with Paketo?", "Send it back within 30 days by Paketo.")
PORT = FaqEntry("p", "shop", "Which port is used?", "Port 8080.")
CATALOGUE = Catalogue([LAMP, PORT])
CASES = [
    Case("How do I return a lamp by Paketo?", "shop", frozenset({place_of(LAMP)})),
    Case("Is it port 8080?", "shop", frozenset({place_of(PORT)})),
]
FOUND = classes(CASES, CATALOGUE)


@pytest.mark.parametrize("kind", [REWORDED, NOISY, COMPOUND])
def test_answerable_classes_keep_their_answers(kind: str) -> None:
    made = FOUND[kind]
    assert len(made) == len(CASES)
    for case, of in zip(made, CASES, strict=True):
        assert case.text != of.text
        assert case.gold >= of.gold


def test_two_questions_in_one_are_answered_by_two_entries() -> None:
    assert all(case.gold == {place_of(LAMP), place_of(PORT)} for case in FOUND[COMPOUND])


def test_a_near_miss_asks_for_what_no_entry_holds() -> None:
    lamp, port = FOUND[NEAR_MISS]
    assert not lamp.gold
    assert "Paketo" not in lamp.text
    assert not port.gold
    assert "8080" not in port.text


def test_the_same_call_gives_the_same_questions() -> None:
    assert classes(CASES, CATALOGUE) == FOUND
    assert classes(CASES, CATALOGUE, seed=2) != FOUND
