import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app import wiring
from app.evaluation import answers as kinds
from app.evaluation.answer_check import AnswerCheck, Checked, check, sentences_to_check
from app.evaluation.answers import Curve, Endings, curve, endings, figures, missed
from app.evaluation.answers_page import answers_page
from app.evaluation.commands.output import about_trial, check_targets, stop_at, write, write_json
from app.evaluation.commands.tables import out
from app.evaluation.commands.trial import Trial, open_trial, progress_bar
from app.evaluation.extra import require_extra
from app.evaluation.question_classes import classes
from app.evaluation.questions import Case, read_answerable, read_unanswerable
from app.evaluation.runs import Outcome, ask, without_answers
from app.evaluation.variations import Variation
from app.settings import read_settings

Gates = Annotated[
    list[str] | None,
    typer.Option(metavar="CLASS.FIGURE=VALUE", help="Exit with status 1 where it is not kept; repeatable."),
]


@dataclass(frozen=True)
class _Found:
    classes: Mapping[str, Endings]
    curve: Curve
    checked: Mapping[str, Checked]


def answers(
    faq: Annotated[Path, typer.Argument(help="FAQ file, or a folder of Markdown.")],
    questions: Annotated[Path, typer.Argument(help="CSV or JSONL: question, document or id, collection.")],
    off_topic: Annotated[
        Path | None, typer.Argument(help="Questions the FAQ does not answer; no document, no id.")
    ] = None,
    collection: Annotated[str | None, typer.Option(help="Collection for records that name none.")] = None,
    limit: Annotated[int | None, typer.Option("--limit-questions", min=1, help="A seeded sample.")] = None,
    tampering: Annotated[
        int, typer.Option(min=0, help="Also put this many changed sentences of each kind through the check.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    json_file: Annotated[Path | None, typer.Option(help="Write the JSON to this file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a self-contained page with plots to this file.")
    ] = None,
    at_least: Gates = None,
    at_most: Gates = None,
) -> None:
    """How questions end: answered right or wrong, suggested, declined. As asked, said otherwise, with noise,
    two in one, with one identifying word exchanged, as key words, with their entries removed, and off-topic.

    Gates are such as asked.right=0.87, removed.answered=0.42 or number.caught=0.96.
    """
    require_extra()
    check_targets(json_file, html)
    about, found = asyncio.run(_answers(faq, questions, off_topic, collection, limit, tampering))
    named = {**figures(found.classes)}
    named |= {f"{kind.replace(' ', '-')}.caught": of.share for kind, of in found.checked.items()}
    try:
        gates = missed(named, at_least or (), at_most or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    shares = {kind: {"sentences": of.sentences, "caught": of.share} for kind, of in found.checked.items()}
    body = {"about": about, "classes": found.classes, "curve": found.curve, "tampering": shares}
    write_json(body, as_json, json_file)
    if html:
        write(html, answers_page(about, found.classes, found.curve, found.checked))
    if not as_json:
        _print(found)
    stop_at(gates)


async def _answers(
    faq: Path,
    questions: Path,
    off_topic: Path | None,
    collection: str | None,
    limit: int | None,
    tampering: int,
) -> tuple[Mapping[str, object], _Found]:
    async with open_trial(read_settings(), faq, collection) as trial:
        read = read_answerable(questions, trial.catalogue)
        asked = Variation(limit).of(read, trial.statistics)
        put: dict[str, Sequence[Case]] = {kinds.ASKED: asked, **classes(asked, trial.catalogue)}
        put[kinds.KEY_WORDS] = Variation(limit, keywords=3).of(read, trial.statistics)
        put[kinds.OFF_TOPIC] = read_unanswerable([off_topic], trial.catalogue) if off_topic else []
        retrieval = trial.askd.assistant.pipeline.retrieval
        with progress_bar("asking", sum(map(len, put.values())) + len(asked)) as progress:
            outcomes: dict[str, Sequence[Outcome]] = {
                kind: await ask(retrieval, cases, progress) for kind, cases in put.items() if cases
            }
            outcomes[kinds.REMOVED] = await without_answers(retrieval, asked, trial.catalogue, progress)
        checked = await _checked(trial, tampering)
        counts = {kind: len(of) for kind, of in outcomes.items()}
        found = _Found({kind: endings(of) for kind, of in outcomes.items()}, curve(outcomes), checked)
        return about_trial(trial, faq, counts), found


async def _checked(trial: Trial, each: int) -> Mapping[str, Checked]:
    if not each:
        return {}
    said = sentences_to_check(trial.catalogue.entries(), each)
    with progress_bar("checking", len(said)) as progress:
        through = AnswerCheck(trial.askd.assistant.pipeline.retrieval, wiring.scripted_model)
        return await check(through, said, progress)


def _print(found: _Found) -> None:
    table = Table(
        "class", "questions", "right", "wrong", "suggested: right entry", "another", "declined", box=None
    )
    for kind, of in found.classes.items():
        shares = (of.right, of.wrong, of.suggested_right, of.suggested_other, of.declined)
        table.add_row(kind, str(of.questions), *(f"{share:.3f}" for share in shares))
    out.print(table)
    if found.checked:
        caught = Table("changed", "sentences", "caught", box=None)
        for kind, checked in found.checked.items():
            caught.add_row(kind, str(checked.sentences), f"{checked.share:.3f}")
        out.print()
        out.print(caught)
