"""How ingest, size, memory and search grow with the number of entries, in both indexes.

python -m tools.bench.index_scale --sizes 1000,10000,100000 --elasticsearch-url URL --out FOLDER

Writes FOLDER/index_scale.json and, with the curves, FOLDER/index_scale.html. Vectors are made up, so
nothing of the figures is the embedding of a text.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import orjson
import typer
from rich.progress import Progress

from app.indexes.manifest import INDEX_SCHEMA, Manifest
from tools.bench.engines import Engine, elasticsearch, embedded
from tools.bench.scale_plot import plotted
from tools.bench.synthetic import EMBEDDER, Asked, SyntheticFaq

_QUESTIONS, _WARM_UP, _CANDIDATES = 200, 30, 50


@dataclass(frozen=True)
class Measured:
    engine: str
    entries: int
    vectors: str | None
    ingest_seconds: float
    entries_per_second: float
    size_bytes: int
    resident_bytes: int | None
    search_p50_ms: float
    search_p99_ms: float
    load: float  # of the machine, when it was measured


def main(
    sizes: Annotated[str, typer.Option(help="numbers of entries")] = "1000,10000,100000",
    million: Annotated[bool, typer.Option("--million", help="1,000,000 entries, too: takes hours")] = False,
    engines: Annotated[str, typer.Option(help="which indexes")] = "embedded,elasticsearch",
    elasticsearch_url: Annotated[str, typer.Option(envvar="ASKD_ELASTICSEARCH_URL")] = "",
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("reports/bench"),
) -> None:
    if "elasticsearch" in engines and not elasticsearch_url:
        raise typer.BadParameter("an Elasticsearch to measure is needed: --elasticsearch-url URL")
    urls = {"embedded": "", "elasticsearch": elasticsearch_url}
    wanted = {name: urls[name] for name in engines.split(",")}
    numbers = [int(size) for size in sizes.split(",")] + [1_000_000] * million
    out.mkdir(parents=True, exist_ok=True)
    measured: list[Measured] = []
    for size in numbers:
        measured += asyncio.run(_measured(SyntheticFaq(size), wanted))
        rows = [asdict(each) for each in measured]
        (out / "index_scale.json").write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        (out / "index_scale.html").write_text(plotted(rows))
    typer.echo(f"{out / 'index_scale.html'}")


async def _measured(faq: SyntheticFaq, wanted: dict[str, str]) -> Sequence[Measured]:
    async with AsyncExitStack() as opened:
        engines = [
            await opened.enter_async_context(elasticsearch(url) if url else embedded())
            for url in wanted.values()
        ]
        seconds = [await _ingest(engine, faq) for engine in engines]
        times = await _search_times(engines, faq.questions(_WARM_UP + _QUESTIONS))
        return [
            await _summary(engine, faq.size, took, of_engine)
            for engine, took, of_engine in zip(engines, seconds, times.T, strict=True)
        ]


async def _ingest(engine: Engine, faq: SyntheticFaq) -> float:
    now = datetime.now(UTC)
    manifest = Manifest(
        "1", now, version("askd"), INDEX_SCHEMA, "english", "synthetic", faq.collections, EMBEDDER
    )
    with Progress() as progress:
        task = progress.add_task(f"{engine.name}, {faq.size:,} entries", total=faq.size)
        started = time.perf_counter()
        await engine.index.publish(manifest, faq.records(), lambda count: progress.advance(task, count))
        return time.perf_counter() - started


async def _search_times(engines: Sequence[Engine], questions: Sequence[Asked]) -> np.ndarray:
    """Milliseconds, a row a question, a column an engine: by turns, so that all meet the same machine."""
    times = np.zeros((len(questions), len(engines)))
    for row, asked in enumerate(questions):
        for column, engine in enumerate(engines):
            started = time.perf_counter()
            await engine.index.search(asked.question, vector=asked.vector, collection=None, size=_CANDIDATES)
            times[row, column] = 1000 * (time.perf_counter() - started)
    return times[_WARM_UP:]


async def _summary(engine: Engine, entries: int, seconds: float, times: np.ndarray) -> Measured:
    [written] = await engine.index.versions()
    p50, p99 = np.percentile(times, [50, 99])
    return Measured(
        engine=engine.name,
        entries=entries,
        vectors=written.vectors,
        ingest_seconds=round(seconds, 2),
        entries_per_second=round(entries / seconds, 1),
        size_bytes=written.size_bytes,
        resident_bytes=await engine.resident_bytes(),
        search_p50_ms=round(float(p50), 2),
        search_p99_ms=round(float(p99), 2),
        load=round(os.getloadavg()[0], 2),
    )


if __name__ == "__main__":
    typer.run(main)
