"""What judging a question adds to searching for it, with the embedder of the settings on one core.

python -m tools.bench.judging [--faq FILE --questions FILE] [--rounds 2] [--cpu]

Asks the questions of an evaluation file one after the other and prints milliseconds: embedding the question,
searching, and all that follows (ranking, the token vectors of the first hit, identifying words, the
regressions). In the first round most entries' token vectors are computed, in later ones they are cached.
"""

import asyncio
import csv
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from app.answering.retrieval import RetrievalResult
from app.domain import Question
from app.evaluation.commands.trial import open_trial
from app.settings import Settings


def main(
    faq: Annotated[Path, typer.Option(help="FAQ file")] = Path("app/sample/faq.json"),
    questions: Annotated[Path, typer.Option(help="CSV with a column question")] = Path(
        "app/sample/questions.csv"
    ),
    rounds: Annotated[int, typer.Option(min=1)] = 2,
    cpu: Annotated[bool, typer.Option("--cpu", help="CPU time: tells the same on a busy machine")] = False,
) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with questions.open(encoding="utf-8", newline="") as file:
        asked = [row["question"] for row in csv.DictReader(file)]
    for number, results in enumerate(asyncio.run(_asked(faq, asked, rounds, cpu)), start=1):
        typer.echo(f"round {number}, {len(results)} questions; load {os.getloadavg()[0]:.1f}")
        _row("embed", [result.embed_ms for result in results])
        _row("search", [result.search_ms for result in results])
        _row("judge", [result.retrieve_ms - result.embed_ms - result.search_ms for result in results])


async def _asked(
    faq: Path, questions: Sequence[str], rounds: int, cpu: bool
) -> Sequence[Sequence[RetrievalResult]]:
    async with open_trial(Settings(), faq, None, measured=False) as trial:
        clock = time.process_time if cpu else time.perf_counter
        retrieval = replace(trial.askd.assistant.pipeline.retrieval, clock=clock)
        await retrieval.find(Question("What is loaded once?"))
        return [[await retrieval.find(Question(text)) for text in questions] for _ in range(rounds)]


def _row(name: str, times: Sequence[float]) -> None:
    twentieths = statistics.quantiles(times, n=20)
    typer.echo(f"  {name:<7}p50 {statistics.median(times):6.1f} ms   p95 {twentieths[18]:6.1f} ms")


if __name__ == "__main__":
    typer.run(main)
