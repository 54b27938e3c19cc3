"""Where feedback is kept: beside the index, whichever that is."""

from contextlib import AsyncExitStack
from functools import partial

from app.feedback.base import FeedbackStore
from app.feedback.recorder import Retention
from app.feedback.secret import installation_secret
from app.feedback.service import Feedback
from app.settings import Settings, secret
from app.telemetry.metrics import Metrics


def open_feedback(settings: Settings, opened: AsyncExitStack, metrics: Metrics) -> Feedback:
    """Nothing is opened before its first use, and nothing recorded before it runs."""
    store = _open_sqlite(settings)
    opened.push_async_callback(store.close)
    retention = Retention(settings.feedback_days, settings.keep_questions)
    return Feedback(
        store, retention, partial(_secret, settings), metrics.feedback_given, metrics.outcomes_dropped
    )


def _open_sqlite(settings: Settings) -> FeedbackStore:
    from app.feedback.sqlite import SqliteFeedback

    return SqliteFeedback(settings.feedback_dir / "feedback.sqlite3")


def _secret(settings: Settings) -> bytes:
    """Raises BadSettings."""
    if settings.feedback_secret_file:
        return secret("ASKD_FEEDBACK_SECRET_FILE", settings.feedback_secret_file).encode()
    return installation_secret(settings.feedback_dir / "secret")
