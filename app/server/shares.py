"""What one of several workers may use: they share no memory, so each gets its part of the limits."""

import logging
import os
from typing import Any

from app.api.access import limit_of
from app.settings import Settings

log = logging.getLogger(__name__)


def share_of(settings: Settings) -> Settings:
    """The settings of one worker; says in the log what they are. Raises BadSettings.

    No share is less than one: with fewer slots than workers the model server gets more generations at once
    than `ASKD_SLOTS`, which is a warning.
    """
    workers = settings.workers
    shared = settings.shared_url is not None  # slots and rate limits hold over all workers anyway
    share: dict[str, Any] = {
        "slots": settings.slots if shared else max(1, settings.slots // workers),
        "cache_entries": -(-settings.cache_entries // workers),
        "cache_bytes": -(-settings.cache_bytes // workers),
    }
    limit = limit_of(settings.rate_limit)
    if limit and not shared:
        per = f"{limit.multiples} {limit.GRANULARITY.name}"
        share["rate_limit"] = f"{max(1, limit.amount // workers)} per {per}"
    log.info(
        "each worker has its share",
        extra={"workers": workers, **share, "rate_limit": share.get("rate_limit")},
    )
    if settings.model_backend in ("embedded", "t5"):
        share["num_thread"] = settings.num_thread or max(1, (os.cpu_count() or 1) // workers)
        log.warning(
            "each worker runs its own copy of the model: a model server (ASKD_OLLAMA_URL) needs one only",
            extra={"model": settings.model_name, "threads": share["num_thread"]},
        )
    elif settings.slots < workers and not shared:
        log.warning(
            "more generations at once than ASKD_SLOTS: each worker has a slot of its own",
            extra={"slots": settings.slots, "workers": workers},
        )
    return settings.model_copy(update=share)
