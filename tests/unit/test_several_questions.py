"""Several questions in one text: each is answered on what it is about."""

import pytest

from app.answering.retrieval import Retrieval
from app.domain import FaqEntry, Question, Status, Turn
from app.indexes.memory import MemoryIndex

pytestmark = pytest.mark.anyio
SHOP = [
    FaqEntry("plan", "shop", "How do I cancel the premium plan?", "Open your profile and end it there."),
    FaqEntry("order", "shop", "How do I cancel an order?", "Open your orders and press Cancel."),
    FaqEntry("address", "shop", "Can I change the delivery address of my order?", "Yes, until it is sent."),
    FaqEntry("refund", "shop", "Can I get a refund?", "Yes, within 30 days."),
]


@pytest.mark.parametrize(
    ("text", "history"),
    [
        ("I made an order for a shirt. How do I cancel it? And can I get a refund?", []),
        (
            "How do I cancel it and can I get a refund?",
            [Turn("user", "Can I change the delivery address of my order?"), Turn("assistant", "Yes.")],
        ),
    ],
)
async def test_the_first_of_several_questions_is_not_answered_without_its_subject(
    text: str, history: list[Turn]
) -> None:
    result = await Retrieval(MemoryIndex(SHOP)).find(Question(text, history=history))
    assert [part.status for part in result.parts] == [Status.SUGGESTED, Status.ANSWERED]
