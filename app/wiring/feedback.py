"""Where feedback is kept: beside the index, whichever that is."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial

from app.errors import BadSettings
from app.feedback.base import FeedbackStore
from app.feedback.recorder import Retention
from app.feedback.secret import installation_secret
from app.feedback.service import Feedback
from app.settings import Settings, secret
from app.settings.backends import IndexBackend
from app.telemetry.metrics import Metrics
from app.wiring.elasticsearch import elasticsearch_client

# A request may take so many seconds: only the recorder waits for it, verdicts have a limit of their own.
_SECONDS = 30.0
_SHORTEST_SECRET = 32  # bytes


async def open_feedback(settings: Settings, opened: AsyncExitStack, metrics: Metrics) -> Feedback:
    """Nothing is called before its first use, and nothing recorded before it runs. Raises BadSettings."""
    store = await _STORES[settings.index_backend](settings, opened)
    opened.push_async_callback(store.close)
    retention = Retention(settings.feedback_days, settings.keep_questions)
    return Feedback(store, retention, _secret(settings), metrics.feedback_given, metrics.outcomes_dropped)


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


def _secret(settings: Settings) -> Callable[[], bytes]:
    """What gives it when the service starts. Raises BadSettings at once for a file that will not do."""
    if not settings.feedback_secret_file:
        return partial(installation_secret, settings.feedback_dir / "secret")
    given = secret("ASKD_FEEDBACK_SECRET_FILE", settings.feedback_secret_file).encode()
    if len(given) < _SHORTEST_SECRET:
        raise BadSettings(
            f"ASKD_FEEDBACK_SECRET_FILE: at least {_SHORTEST_SECRET} random characters, or else tokens can "
            "be forged; `openssl rand -hex 32` makes some"
        )
    return lambda: given
