import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from app.evaluation.commands.output import about_trial, check_targets, stop_at, write_json
from app.evaluation.commands.tables import print_followups
from app.evaluation.commands.trial import open_trial, progress_bar
from app.evaluation.followups import (
    FOLLOW_UPS,
    SINGLE,
    STANDALONE,
    Group,
    put_both,
    read_dialogues,
    with_foreign_history,
)
from app.evaluation.questions import read_answerable
from app.settings import read_settings

Least = Annotated[float | None, typer.Option(min=0, max=1, help="Exit with status 1 below this value.")]


def followups(
    faq: Annotated[Path, typer.Argument(help="FAQ file, or a folder of Markdown.")],
    dialogues: Annotated[
        Path,
        typer.Argument(
            help='JSONL: "history" of {"question", "entry" or "answer"}, "question", "id", "standalone".'
        ),
    ],
    queries: Annotated[
        Path | None, typer.Argument(help="Single questions, to be asked after something else as well.")
    ] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", help="Collection for records that name none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    json_file: Annotated[Path | None, typer.Option(help="Write the JSON to this file.")] = None,
    min_hit1: Least = None,
    min_hit5: Least = None,
    min_unchanged: Least = None,
) -> None:
    """Measure how follow-up questions are understood, and that others are left as they are."""
    check_targets(json_file)
    about, found = asyncio.run(_followups(faq, dialogues, queries, collection))
    write_json({"about": about, "groups": found}, as_json, json_file)
    if not as_json:
        print_followups(about, found)
    held = found[FOLLOW_UPS]
    gates = [("hit@1", held.hit1, min_hit1), ("hit@5", held.hit5, min_hit5)]
    if STANDALONE in found:
        gates.append(("unchanged", found[STANDALONE].unchanged, min_unchanged))
    missed = [
        f"{name} is {value:.4f}, less than {least}" for name, value, least in gates if value < (least or 0)
    ]
    if SINGLE in found and found[SINGLE].hit1 < found[SINGLE].alone_hit1:
        missed.append("single questions are found less often after something else than alone")
    stop_at(missed)


async def _followups(
    faq: Path, dialogues: Path, queries: Path | None, collection: str | None
) -> tuple[Mapping[str, object], Mapping[str, Group]]:
    async with open_trial(read_settings(), faq, collection) as trial:
        groups = dict(read_dialogues(dialogues, trial.catalogue))
        if queries:
            single = read_answerable(queries, trial.catalogue)
            groups[SINGLE] = with_foreign_history(single, groups[FOLLOW_UPS])
        with progress_bar("asking", 2 * sum(map(len, groups.values()))) as progress:
            found = await put_both(trial.askd.assistant.pipeline.retrieval, groups, progress)
    counts = {kind: len(cases) for kind, cases in groups.items()}
    return about_trial(trial, faq, counts), found
