import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from app.embedders.base import EmbedderInfo
from app.evaluation import calibration
from app.evaluation.calibration import Example, Fit, TrainingSet
from app.evaluation.commands.output import check_targets, command, write_json
from app.evaluation.commands.tables import print_fit
from app.evaluation.commands.trial import Trial, open_trial, progress_bar
from app.evaluation.extra import require_extra
from app.evaluation.questions import read_answerable, read_unanswerable
from app.evaluation.runs import ask, misplaced
from app.evaluation.variations import Variation
from app.ranking.confidence import calibration_of
from app.ranking.fusion import Fusion
from app.settings import read_settings


def calibrate(
    files: Annotated[
        list[Path],
        typer.Argument(help="FAQ QUESTIONS OFF_TOPIC, one or several such triples."),
    ],
    target: Annotated[Path, typer.Option("--out", help="Write the calibration to this JSON file.")],
    unsure: Annotated[
        float, typer.Option(min=0, max=1, help="Most answerable questions to be unsure of, as a share.")
    ] = 0.08,
    declined: Annotated[
        float, typer.Option(min=0, max=1, help="Most answerable questions to decline, as a share.")
    ] = 0.005,
    lexical: Annotated[bool, typer.Option("--lexical", help="For search by words alone.")] = False,
    collection: Annotated[str | None, typer.Option(help="Collection of the records that name none.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit-questions", min=1, help="A seeded sample of each set's questions.")
    ] = None,
) -> None:
    """Learn how sure retrieval is of its first hit, when to suggest, and when to decline."""
    require_extra()
    check_targets(target)
    if len(files) % 3:
        raise typer.BadParameter("give FAQ, QUESTIONS and OFF_TOPIC, always all three")
    fusion = Fusion.LEXICAL if lexical else Fusion.HYBRID
    triples = [files[at : at + 3] for at in range(0, len(files), 3)]
    embedder, sets, fitted = asyncio.run(_calibrate(triples, collection, fusion, unsure, declined, limit))
    shares = {"unsure": unsure, "declined": declined}
    write_json(calibration.document(fitted, embedder, sets, shares, command()), False, target)
    print_fit(fitted, sets)


async def _calibrate(
    triples: Sequence[Sequence[Path]],
    collection: str | None,
    fusion: Fusion,
    unsure: float,
    declined: float,
    limit: int | None,
) -> tuple[EmbedderInfo | None, Sequence[TrainingSet], Fit]:
    examples: list[Example] = []
    sets = []
    embedder = None
    for faq, queries, unanswerable in triples:
        async with open_trial(read_settings(), faq, collection, measured=False) as trial:
            embedder = trial.manifest.embedder if fusion is not Fusion.LEXICAL else None
            found = await _examples(trial, [queries, unanswerable], fusion, limit)
        examples += found
        counts = calibration.counted(found)
        sets.append(TrainingSet(faq.name, queries.name, unanswerable.name, counts))
    in_force = calibration_of(embedder.name if embedder else None)
    fitted = calibration.fit(
        examples, in_force, semantic=embedder is not None, unsure=unsure, declined=declined
    )
    return embedder, sets, fitted


async def _examples(
    trial: Trial, files: Sequence[Path], fusion: Fusion, limit: int | None
) -> Sequence[Example]:
    answerable = Variation(limit).of(read_answerable(files[0], trial.catalogue), trial.statistics)
    unanswerable = read_unanswerable(files, trial.catalogue)
    wrongly_put = misplaced(answerable, trial.catalogue)
    retrieval = replace(
        trial.askd.assistant.pipeline.retrieval, fusion=fusion, interacting=fusion is not Fusion.LEXICAL
    )
    with progress_bar("asking", len(answerable) + len(wrongly_put) + len(unanswerable)) as progress:
        return calibration.examples(
            await ask(retrieval, answerable, progress),
            await ask(retrieval, wrongly_put, progress),
            await ask(retrieval, unanswerable, progress),
        )
