"""What is measured of an index: how it is written, how fast it answers, and which neighbours it misses."""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from rich.progress import Progress

from app.indexes.base import SearchIndex
from app.indexes.manifest import INDEX_SCHEMA, Manifest
from tools.bench.scale.engines import Engine
from tools.bench.scale.source import Source
from tools.bench.scale.synthetic import SyntheticFaq

Figures = dict[str, Any]
CLIENTS = (1, 4, 16, 64)
_CANDIDATES = 50  # of each list, as askd asks for
_WARM_UP = 30
_NEAREST = 10


async def ingest(engine: Engine, faq: SyntheticFaq) -> Figures:
    now = datetime.now(UTC)
    name = now.strftime("%Y%m%dt%H%M%S")
    manifest = Manifest(
        name, now, version("askd"), INDEX_SCHEMA, "english", "synthetic", faq.collections, faq.embedder
    )
    with Progress() as progress:
        task = progress.add_task(f"{engine.kind}, {faq.size:,} entries", total=faq.size)
        started = time.perf_counter()
        written_after = [0.0]

        def advance(count: int) -> None:
            progress.advance(task, count)
            if count:
                written_after[0] = time.perf_counter() - started

        await engine.index.publish(manifest, faq.records(), advance)
        seconds = time.perf_counter() - started
    [published] = [each for each in await engine.index.versions() if each.manifest.version == name]
    memory = await engine.memory()
    return {
        "vectors": published.vectors,
        "ingest_seconds": round(seconds, 1),
        "written_seconds": round(written_after[0], 1),  # until the last entry; the rest is graph, merge, sync
        "entries_per_second": round(faq.size / seconds, 1),
        "size_bytes": published.size_bytes,
        "ingest_peak_bytes": memory.get("peak"),
        "nodes": await engine.nodes(),
        "ingest_load": _load(),
    }


async def search(engine: Engine, source: Source, clients: Sequence[int] = CLIENTS) -> Figures:
    """Milliseconds of a search, by how many are under way at once; all callers are tasks of one process,
    as those of an askd are."""
    questions = list(zip(source.questions.tolist(), source.question_vectors, strict=True))
    await _asked(engine.index, questions[:_WARM_UP], 1)
    measured = {}
    for number in clients:
        started = time.perf_counter()
        times = await _asked(engine.index, questions[_WARM_UP:], number)
        p50, p99 = np.percentile(times, [50, 99])
        measured[str(number)] = {
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "per_second": round(len(times) / (time.perf_counter() - started), 1),
            "load": _load(),
        }
    return {"search": measured, "memory": await engine.memory()}


async def _asked(index: SearchIndex, questions: Sequence[tuple[str, Any]], clients: int) -> Sequence[float]:
    waiting = iter(questions)
    times: list[float] = []

    async def client() -> None:
        for question, vector in waiting:
            started = time.perf_counter()
            await index.search(question, vector=vector, collection=None, size=_CANDIDATES)
            times.append(1000 * (time.perf_counter() - started))

    await asyncio.gather(*[client() for _ in range(clients)])
    return times


async def recall(engine: Engine, faq: SyntheticFaq, source: Source) -> Figures:
    """Which share of each question's nearest ten by exhaustive search are among the index's first ten."""
    wanted = _exact(faq, source.question_vectors)
    shares = []
    for question, vector, nearest in zip(
        source.questions.tolist(), source.question_vectors, wanted, strict=True
    ):
        result = await engine.index.search(question, vector=vector, collection=None, size=_CANDIDATES)
        near = [each for each in result.candidates.found if each.semantic is not None]
        near.sort(key=lambda each: -(each.semantic or 0.0))
        found = {int(each.entry.id) for each in near[:_NEAREST]}
        shares.append(len(found & set(nearest)) / len(nearest))
    return {f"recall_at_{_NEAREST}": round(float(np.mean(shares)), 4), "recall_least": min(shares)}


def _exact(faq: SyntheticFaq, questions: np.ndarray) -> Sequence[Sequence[int]]:
    """The numbers of the entries nearest to each question, by comparing it with all of them."""
    cosines = np.empty((len(questions), 0), dtype=np.float32)
    numbers = np.empty((len(questions), 0), dtype=np.int64)
    for start, vectors in faq.vectors():
        cosines = np.hstack([cosines, questions @ vectors.T])
        ids = np.arange(start, start + len(vectors))
        numbers = np.hstack([numbers, np.broadcast_to(ids, (len(questions), len(ids)))])
        best = np.argsort(-cosines, axis=1)[:, :_NEAREST]
        cosines = np.take_along_axis(cosines, best, axis=1)
        numbers = np.take_along_axis(numbers, best, axis=1)
    return [[int(number) for number in row] for row in numbers]


def _load() -> float:
    """Of the machine in the last minute: what else it had to do."""
    return round(os.getloadavg()[0], 2)
