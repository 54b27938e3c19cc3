"""What the failures of all runtimes have in common: which of them count, and what the log has of them."""

import logging
import traceback

from app.errors import ModelTimeout, ModelUnavailable
from app.traffic.circuit_breaker import advice

log = logging.getLogger(__name__)

FAILURES = (ModelUnavailable, ModelTimeout)  # what counts against the runtime: it did not answer


def refusal(last: str, seconds: int) -> ModelUnavailable:
    """Raised instead of a request while the circuit breaker is open."""
    return ModelUnavailable(advice("the model's runtime", last, seconds), retry_after=seconds)


def log_unreadable(error: Exception) -> None:
    """An answer that could not be read is the runtime's fault or a bug of ours: the log must tell which.

    Not by the exception's message, which may quote the answer.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.warning(
        "the model's answer could not be read", extra={"error": type(error).__name__, "traceback": frames}
    )
