"""An index made for one evaluation and gone afterwards; the user's own is never touched."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import wiring
from app.evaluation.questions import Catalogue
from app.indexes.manifest import Manifest, Spread
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.ranking.candidates import WordStatistics
from app.ranking.synonyms import read_synonyms
from app.ranking.text import word_statistics
from app.settings import Settings
from app.wiring import Askd

err = Console(stderr=True, markup=False, emoji=False)  # names of models and files may look like markup


@dataclass(frozen=True, slots=True)
class Trial:
    """The service over a FAQ of its own."""

    settings: Settings
    askd: Askd
    manifest: Manifest
    catalogue: Catalogue
    statistics: WordStatistics


@asynccontextmanager
async def open_trial(
    settings: Settings, faq: Path, collection: str | None, *, measured: bool = True
) -> AsyncIterator[Trial]:
    """With vectors, unless ASKD_EMBEDDER is none; with thresholds of its own, if `measured`.

    Raises BadFaqFile, or what publishing raises.
    """
    found = survey([faq], collection=collection, strict=False)
    async with wiring.open_trial(settings) as askd:
        with progress_bar("indexing", sum(found.collections.values())) as progress:
            manifest = await publish(
                askd.store,
                found,
                settings.language,
                progress,
                embedder=askd.embedder,
                synonyms=read_synonyms(settings.synonyms) if settings.synonyms else (),
                scratch=partial(wiring.scratch_index, settings) if measured else None,
                spread=Spread(settings.index_shards, settings.index_replicas),
            )
        yield Trial(settings, askd, manifest, Catalogue(found.entries()), word_statistics(found.entries()))


@contextmanager
def progress_bar(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda more: bar.advance(task, more)
