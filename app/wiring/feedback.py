"""Where feedback is kept: beside the index, whichever that is."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial

from app.feedback.base import FeedbackStore
from app.feedback.recorder import Retention
from app.feedback.secret import installation_secret
from app.feedback.service import Feedback
from app.settings import Settings, secret
from app.settings.backends import IndexBackend
from app.telemetry.metrics import Metrics
from app.wiring.elasticsearch import elasticsearch_client

_SECONDS = (
    30.0  # a request may take: nobody waits for it but the recorder, verdicts have a limit of their own
)


async def open_feedback(settings: Settings, opened: AsyncExitStack, metrics: Metrics) -> Feedback:
    """Nothing is called before its first use, and nothing recorded before it runs. Raises BadSettings."""
    store = await _STORES[settings.index_backend](settings, opened)
    opened.push_async_callback(store.close)
    retention = Retention(settings.feedback_days, settings.keep_questions)
    return Feedback(
        store, retention, partial(_secret, settings), metrics.feedback_given, metrics.outcomes_dropped
    )


async def _open_sqlite(settings: Settings, opened: AsyncExitStack) -> FeedbackStore:
    from app.feedback.sqlite import SqliteFeedback

    return SqliteFeedback(settings.feedback_dir / "feedback.sqlite3")


async def _open_elasticsearch(settings: Settings, opened: AsyncExitStack) -> FeedbackStore:
    from app.feedback.elasticsearch import ElasticsearchFeedback

    file = settings.feedback_api_key_file
    own_key = ("ASKD_FEEDBACK_API_KEY_FILE", file) if file else None
    client = await opened.enter_async_context(elasticsearch_client(settings, _SECONDS, own_key))
    return ElasticsearchFeedback(client, f"askd-feedback-{settings.index}")


_STORES: Mapping[IndexBackend, Callable[[Settings, AsyncExitStack], Awaitable[FeedbackStore]]] = {
    "embedded": _open_sqlite,
    "elasticsearch": _open_elasticsearch,
}


def _secret(settings: Settings) -> bytes:
    """Raises BadSettings."""
    if settings.feedback_secret_file:
        return secret("ASKD_FEEDBACK_SECRET_FILE", settings.feedback_secret_file).encode()
    return installation_secret(settings.feedback_dir / "secret")
