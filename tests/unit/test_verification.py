"""Single sentences against single entries: what is supported, and what an entry itself may be cut to."""

import time

import pytest

from app.answering.checks.verification import Verifier
from app.answering.model_output.marks import MARK
from app.answering.quoting import said_by_entry
from app.domain import FaqEntry, Support

_DAYS = "You can send back opened items within 30 days of purchase."
_RETURN = "Can I return an opened item?"


def support(answer: str, sentence: str, question: str) -> Support:
    return (
        Verifier({1: FaqEntry("1", "c", question, answer)}, asked=question).judge(sentence).sentence.support
    )


@pytest.mark.parametrize(
    ("answer", "sentence", "question"),
    [
        (_DAYS, "No.", _RETURN),
        (_DAYS, "You can't.", _RETURN),
        ("Opened items cannot be returned.", "You can.", _RETURN),
        (_DAYS, "Never do that.", _RETURN),
        ("退款需要14天。", "退款需要30天。", "退款需要多久？"),
        ("返品は14日以内にできます。", "返品は30日以内にできます。", "返品できますか？"),
        ("Keep the freezer below -20 °C.", "Keep the freezer below 20 °C.", "How cold is the freezer?"),
    ],
)
def test_what_the_entry_does_not_say_is_not_supported(answer: str, sentence: str, question: str) -> None:
    assert support(answer, sentence, question) is Support.UNMATCHED


@pytest.mark.parametrize(
    ("answer", "sentence", "question"),
    [
        ("Yes, within 30 days.", "Yes.", _RETURN),
        ("Fares: 12,50 am Automaten, 2,5A.", "Fares are 12,50 am Automaten.", "What are the fares?"),
        ("You may send 100 requests per day.", "The daily limit is 100 requests.", "What is the limit?"),
        (_DAYS, "Items can be sent back within 30 days after purchase.", _RETURN),
        ("退款需要14天。", "退款需要14天。", "退款需要多久？"),
    ],
)
def test_what_the_entry_says_in_other_words_is_supported(answer: str, sentence: str, question: str) -> None:
    assert support(answer, sentence, question) is not Support.UNMATCHED


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("SIM cards arrive within 2 days.", "SIM cards arrive within 2 days."),
        ("Of course material returns are free.", "Of course material returns are free."),
        ("No, unless they are faulty.", "Are they? No, unless they are faulty."),
        ("Yes, returns are free.", "Returns are free."),
    ],
)
def test_only_a_yes_or_no_is_left_out_of_an_entry(answer: str, shown: str) -> None:
    entry = FaqEntry("1", "c", "Are they?", answer)
    assert said_by_entry(answer, entry, "What is the policy?") == shown


def test_a_run_of_spaces_takes_no_time_to_read() -> None:
    began = time.process_time()
    assert MARK.search("[source" + " " * 3_000 + "x 1") is None
    assert time.process_time() - began < 1
