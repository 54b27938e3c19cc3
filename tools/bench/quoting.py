"""How long an answer takes when the model chooses sentences of an entry, and when it writes freely.

python -m tools.bench.quoting [--faq FILE --questions FILE] [--count 20]

Asks the model of the settings (default: the embedded one) the same questions in both ways, in turns, so that
a busy machine slows both, and prints seconds and their ratio. Questions that need no model are left out.
"""

import asyncio
import csv
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from app.answering.pipeline import Decision, Pipeline, decide
from app.domain import Mode, Question
from app.evaluation.commands.trial import open_trial
from app.settings import Settings


def main(
    faq: Annotated[Path, typer.Option(help="FAQ file")] = Path("app/sample/faq.json"),
    questions: Annotated[Path, typer.Option(help="CSV with a column question")] = Path(
        "app/sample/questions.csv"
    ),
    count: Annotated[int, typer.Option(min=2, help="questions to ask")] = 20,
) -> None:
    with questions.open(encoding="utf-8", newline="") as file:
        asked = [row["question"] for row in csv.DictReader(file)]
    times = asyncio.run(_times(faq, asked, count))
    quoted, free = zip(*times, strict=True)
    typer.echo(f"{len(times)} questions; load {os.getloadavg()[0]:.1f}")
    typer.echo(f"  quoting  p50 {_share(quoted, 50):6.2f} s   p90 {_share(quoted, 90):6.2f} s")
    typer.echo(f"  freely   p50 {_share(free, 50):6.2f} s   p90 {_share(free, 90):6.2f} s")
    typer.echo(
        f"  ratio    p50 {_share(quoted, 50) / _share(free, 50):6.2f}     "
        f"p90 {_share(quoted, 90) / _share(free, 90):6.2f}     "
        f"median of pairs {statistics.median(one / other for one, other in times):.2f}"
    )


async def _times(faq: Path, asked: Sequence[str], count: int) -> Sequence[tuple[float, float]]:
    """Seconds of each question's whole answer: quoted, and written freely."""
    async with open_trial(Settings(), faq, None, measured=False) as trial:
        pipeline = trial.askd.assistant.pipeline
        quoting, free = (
            replace(pipeline, writer=replace(pipeline.writer, writing=writing))
            for writing in ("quote", "free")
        )
        await _seconds(free, Question(asked[0], mode=Mode.GENERATE))  # loads the model
        times: list[tuple[float, float]] = []
        for text in asked:
            if len(times) == count:
                break
            question = Question(text)
            if decide(await pipeline.retrieval.find(question), question.mode) is not Decision.GENERATE:
                continue
            if len(times) % 2:
                written, chosen = await _seconds(free, question), await _seconds(quoting, question)
            else:
                chosen, written = await _seconds(quoting, question), await _seconds(free, question)
            times.append((chosen, written))
        return times


async def _seconds(pipeline: Pipeline, question: Question) -> float:
    began = time.perf_counter()
    async with aclosing(pipeline.answer(question)) as events:
        async for _ in events:
            pass
    return time.perf_counter() - began


def _share(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    typer.run(main)
