"""Questions that ask for the same, where no embedder compares them: by their words."""

from collections import Counter

import pytest

from app.feedback.gaps import Wanted, groups_of

KNOWN = ("How do I install Docker?", "Can I still join the course?", "When do I get my certificate?")


def groups(*questions: str) -> list[set[str]]:
    wanted = [Wanted(question, Counter({"declined": 1}), Counter()) for question in questions]
    return [{each.question for each in group.wanted} for group in groups_of(wanted, KNOWN)]


@pytest.mark.parametrize(
    "questions",
    [
        ("Do you sell spreadsheets?", "Who bakes the rye bread?"),  # read
        ("How do I rent a bicycle?", "What is the current interest on a loan?"),  # rent, ent>
    ],
)
def test_one_piece_of_a_word_in_common_joins_no_questions(questions: tuple[str, str]) -> None:
    assert len(groups(*questions)) == 2


def test_other_words_for_the_same_and_typing_errors_are_joined() -> None:
    same = (
        "How do I unsubscribe from the newsletter?",
        "Stop sending me the newsletter",
        "unsubscribe newsleter",
    )
    assert set(same) in groups(*same, "Who bakes the rye bread?")
