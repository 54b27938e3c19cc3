import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.evaluation import answers as kinds
from app.evaluation.answers import Endings, endings
from app.evaluation.commands.output import about_trial, check_targets, stop_at, write_json
from app.evaluation.commands.tables import out
from app.evaluation.commands.trial import open_trial, progress_bar
from app.evaluation.questions import read_answerable, read_unanswerable
from app.evaluation.runs import ask, without_answers
from app.evaluation.variations import Variation
from app.settings import read_settings

Gate = Annotated[float | None, typer.Option(min=0, max=1, help="Exit with status 1 beyond this share.")]


def answers(
    faq: Annotated[Path, typer.Argument(help="FAQ file, or a folder of Markdown.")],
    questions: Annotated[Path, typer.Argument(help="CSV or JSONL: question, document or id, collection.")],
    unanswerable: Annotated[
        Path | None, typer.Argument(help="Questions the FAQ does not answer; no document, no id.")
    ] = None,
    collection: Annotated[str | None, typer.Option(help="Collection for records that name none.")] = None,
    limit: Annotated[int | None, typer.Option("--limit-questions", min=1, help="A seeded sample.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    json_file: Annotated[Path | None, typer.Option(help="Write the JSON to this file.")] = None,
    min_right: Gate = None,
    max_wrong: Gate = None,
    max_declined: Gate = None,
    max_removed: Gate = None,
    max_off_topic: Gate = None,
) -> None:
    """How questions end: answered right or wrong, suggested, declined; also with three key words only, with
    their entries removed, and off-topic."""
    check_targets(json_file)
    about, found = asyncio.run(_answers(faq, questions, unanswerable, collection, limit))
    write_json({"about": about, "classes": found}, as_json, json_file)
    if not as_json:
        _print(found)
    gates = {
        "min-right": min_right,
        "max-wrong": max_wrong,
        "max-declined": max_declined,
        "max-removed": max_removed,
        "max-off-topic": max_off_topic,
    }
    stop_at(kinds.missed(found, gates))


async def _answers(
    faq: Path, questions: Path, unanswerable: Path | None, collection: str | None, limit: int | None
) -> tuple[Mapping[str, object], Mapping[str, Endings]]:
    async with open_trial(read_settings(), faq, collection) as trial:
        read = read_answerable(questions, trial.catalogue)
        asked = Variation(limit).of(read, trial.statistics)
        key_words = Variation(limit, keywords=3).of(read, trial.statistics)
        others = read_unanswerable([unanswerable], trial.catalogue) if unanswerable else []
        retrieval = trial.askd.assistant.pipeline.retrieval
        with progress_bar("asking", 2 * len(asked) + len(key_words) + len(others)) as progress:
            outcomes = {
                kinds.ASKED: await ask(retrieval, asked, progress),
                kinds.KEY_WORDS: await ask(retrieval, key_words, progress),
                kinds.REMOVED: await without_answers(retrieval, asked, trial.catalogue, progress),
                kinds.OFF_TOPIC: await ask(retrieval, others, progress),
            }
        counts = {kind: len(of) for kind, of in outcomes.items()}
        found = {kind: endings(of) for kind, of in outcomes.items() if of}
        return about_trial(trial, faq, counts), found


def _print(found: Mapping[str, Endings]) -> None:
    table = Table(
        "class", "questions", "right", "wrong", "suggested: right entry", "another", "declined", box=None
    )
    for kind, of in found.items():
        shares = (of.right, of.wrong, of.suggested_right, of.suggested_other, of.declined)
        table.add_row(kind, str(of.questions), *(f"{share:.3f}" for share in shares))
    out.print(table)
