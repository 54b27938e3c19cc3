"""A week of questions to the shop, as its store of feedback has them."""

import random
import time
from dataclasses import replace
from pathlib import Path

from app.domain import Status
from app.feedback.base import Outcome, Shown, Verdict
from app.feedback.sqlite import SqliteFeedback
from app.settings import Settings
from tests.browser.conftest import SHOP
from tests.live.serving import Chosen, ingest, settings_of
from tests.support.gap_week import week

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> javascript:alert(3) \u202edlo\u202c \x1b[31mred"
)
KNOWN = ("How long can I return an order?", "How do I install the scanner driver on Linux?")


async def fill(folder: Path, number: int = 600, **chosen: object) -> Settings:
    """Settings of a shop with that week, its questions kept."""
    values: Chosen = {"data_dir": folder, "keep_questions": 30, **chosen}
    settings = settings_of(values)
    await ingest(settings, SHOP)
    store = SqliteFeedback(settings.feedback_dir / "feedback.sqlite3")
    chance, outcomes, verdicts = random.Random(15), [], []
    for place, asked in enumerate(week(KNOWN, number)):
        gap = asked.topic is not None
        status = (
            chance.choice((Status.NO_ANSWER, Status.NO_ANSWER, Status.SUGGESTED)) if gap else Status.ANSWERED
        )
        outcome = _outcome(place, number, asked.question, status)
        outcomes.append(outcome)
        if chance.random() < 0.1:
            helpful = not gap and chance.random() < 0.8
            comment = "Nobody tells what it costs." if not helpful and chance.random() < 0.5 else None
            verdicts.append((outcome, Verdict(helpful, time.time(), comment)))
    for place in range(12):
        outcomes.append(_outcome(number + place, number + 12, HOSTILE, Status.NO_ANSWER))
    await store.record(outcomes)
    for outcome, verdict in verdicts:
        await store.judge(outcome, verdict)
    await store.judge(outcomes[-1], Verdict(False, time.time(), HOSTILE))
    await store.close()
    return settings


def _outcome(place: int, number: int, question: str, status: Status) -> Outcome:
    entry = Shown("shop", "returns", True) if place % 3 else Shown("tools", "install", True)
    return Outcome(
        id=f"{place:016x}",
        request_id=f"request-{place}",
        time=time.time() - (number - place) * 6.5 * 86_400 / number,
        index_version="1",
        status=status,
        origin=None,
        collection=None,
        entries=[replace(entry, cited=status is Status.ANSWERED)],
        question=question,
    )
