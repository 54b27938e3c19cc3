"""From surveyed entries to a new version of the index."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

from app.domain import INDEX_SCHEMA, Manifest
from app.ingest.survey import Survey
from app.ports import IndexStore


async def publish(
    store: IndexStore, found: Survey, language: str, progress: Callable[[int], None], *, anew: bool = False
) -> Manifest:
    """Publish what the survey found as a new version; returns the manifest in force.

    When the current version holds exactly this already it stays, unless `anew`. Raises what
    `IndexStore.publish` raises, or BadFaqFile when the files changed since the survey.
    """
    now = datetime.now(UTC)
    wanted = Manifest(
        version=f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{found.digest[:8]}",
        created=now,
        askd=version("askd"),
        schema=INDEX_SCHEMA,
        language=language,
        digest=found.digest,
        collections=found.collections,
    )
    if not anew:
        for known in await store.versions():
            if known.current and _same(known.manifest, wanted):
                return known.manifest
    await store.publish(wanted, found.entries(), progress)
    return wanted


def _same(known: Manifest, wanted: Manifest) -> bool:
    return (known.digest, known.schema, known.language) == (wanted.digest, wanted.schema, wanted.language)
