"""The header Server-Timing (W3C): where the time went."""

from collections.abc import Mapping

from app import domain
from app.answering.retrieval import RetrievalResult


def of_answer(timings: domain.Timings) -> str:
    """What the model did takes what is left."""
    rest = max(timings.total - timings.retrieve - timings.queue, 0.0)
    return _header({"retrieve": timings.retrieve, "queue": timings.queue, "generate": rest}, timings.total)


def of_search(found: RetrievalResult) -> str:
    ranking = max(found.retrieve_ms - found.embed_ms - found.search_ms, 0.0)
    return _header(
        {"embed": found.embed_ms, "search": found.search_ms, "rank": ranking}, total=found.retrieve_ms
    )


def _header(stages: Mapping[str, float], total: float) -> str:
    """Durations in milliseconds; the stages add up to the total."""
    parts = [f"{name};dur={duration:.2f}" for name, duration in stages.items()]
    return f"{', '.join(parts)}, total;dur={total:.2f}"
