"""Feedback over a store of the test's choice."""

from app.feedback.base import FeedbackStore
from app.feedback.memory import MemoryFeedback
from app.feedback.recorder import Retention
from app.feedback.service import Feedback
from app.settings import Settings
from app.telemetry.metrics import Metrics

SECRET = b"of the tests"


def feedback_of(
    store: FeedbackStore | None = None, settings: Settings | None = None, metrics: Metrics | None = None
) -> Feedback:
    settings, metrics = settings or Settings(), metrics or Metrics()
    return Feedback(
        store or MemoryFeedback(),
        Retention(settings.feedback_days, settings.keep_questions),
        lambda: SECRET,
        metrics.feedback_given,
        metrics.outcomes_dropped,
    )
