"""`askd compare`: models on your own questions."""

import asyncio
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from app.evaluation.commands.output import about_trial, check_targets, write, write_json
from app.evaluation.commands.tables import out
from app.evaluation.commands.trial import Trial, err, open_trial, progress_bar
from app.evaluation.comparison import words
from app.evaluation.comparison.found import FoundComparison, as_json, found, sheet
from app.evaluation.comparison.records import Records, digest, open_records
from app.evaluation.comparison.report import comparison_page, quality_plot
from app.evaluation.comparison.resources import energy_meters
from app.evaluation.comparison.rows import (
    EXTRACT,
    Row,
    extract_row,
    facts_of,
    rows_of,
    settings_of,
    told_apart,
)
from app.evaluation.comparison.running import Comparison
from app.evaluation.questions import Case, read_answerable
from app.evaluation.variations import Variation
from app.settings import Settings


def compare_models(
    faq: Annotated[Path, typer.Argument(help="FAQ file, or a folder of Markdown.")],
    questions: Annotated[Path, typer.Argument(help="CSV or JSONL: question, document or id, collection.")],
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL…", help="As in ASKD_MODEL, such as ollama:gemma:2b.")
    ],
    free: Annotated[
        bool, typer.Option("--free/--no-free", help="Each model also as ASKD_WRITING=free.")
    ] = True,
    collection: Annotated[str | None, typer.Option(help="Collection for records that name none.")] = None,
    limit: Annotated[int | None, typer.Option("--limit-questions", min=1, help="A seeded sample.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="Where answers are kept, to go on from; default: in ASKD_DATA_DIR.")
    ] = None,
    afresh: Annotated[bool, typer.Option("--afresh", help="Ask again what was asked before.")] = False,
    as_json_too: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    json_file: Annotated[Path | None, typer.Option(help="Write the JSON to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page to this file.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the plot alone to this file.")] = None,
    sheet_file: Annotated[
        Path | None, typer.Option("--sheet", help="Write 20 answers of each model to this CSV, to be read.")
    ] = None,
) -> None:
    """Compare models on your own FAQ: what they answer, how long it takes, and what it costs.

    Each question is asked with its entry there and with it removed. The first row is `extract`, which asks no
    model. A comparison that was interrupted goes on where it was when the same command is run again.
    """
    check_targets(json_file, html, svg, sheet_file)
    try:
        about, of = asyncio.run(_compare(faq, questions, models, free, collection, limit, results, afresh))
    except (KeyboardInterrupt, asyncio.CancelledError):
        again = "with --afresh all is asked again, without it the same command goes on from here"
        err.print(f"stopped: {again if afresh else 'the same command goes on from here'}")
        raise
    write_json({"about": about, **as_json(of)}, as_json_too, json_file)
    if html:
        write(html, comparison_page(about, of))
    if svg:
        write(svg, quality_plot(of))
    if sheet_file:
        write(sheet_file, sheet(of))
    if not as_json_too:
        _print(of)


async def _compare(
    faq: Path,
    questions: Path,
    models: Sequence[str],
    free: bool,
    collection: str | None,
    limit: int | None,
    results: Path | None,
    afresh: bool,
) -> tuple[Mapping[str, object], FoundComparison]:
    named = [model for model in dict.fromkeys(models) if model != EXTRACT]
    settings = settings_of(named[0]) if named else settings_of(None)
    # One that cannot be opened is told before anything is indexed or asked.
    facts = {model: await facts_of(model) for model in named}
    async with open_trial(settings, faq, collection) as trial:
        read = Variation(limit).of(read_answerable(questions, trial.catalogue), trial.statistics)
        cases = [*dict.fromkeys(read)]
        asked = [rows_of(model, of, trial.catalogue, free=free) for model, of in facts.items()]
        groups = told_apart([[extract_row(settings, trial.catalogue)], *asked])
        with open_records(results or _own_file(settings, faq), afresh=afresh) as records:
            await _asked(trial, groups, cases, records)
            of = found([row for rows in groups for row in rows], cases, trial.catalogue, records)
        return _about(trial, faq, len(cases), of), of


def _own_file(settings: Settings, faq: Path) -> Path:
    """Of this FAQ, wherever it is named from."""
    return settings.data_dir / "comparisons" / f"{digest(faq.resolve())[:12]}.jsonl"


async def _asked(
    trial: Trial, groups: Sequence[Sequence[Row]], cases: Sequence[Case], records: Records
) -> None:
    retrieval, meters = trial.askd.assistant.pipeline.retrieval, energy_meters()
    comparison = Comparison(retrieval, trial.catalogue, records, meters, trial.askd.llm)
    with progress_bar("asking", 2 * len(cases) * sum(map(len, groups))) as progress:
        await comparison.run(groups, cases, progress)


def _about(trial: Trial, faq: Path, questions: int, of: FoundComparison) -> Mapping[str, object]:
    counts = {"with their entry there, and with it removed": questions}
    meters = [meter.name for meter in energy_meters()]
    return {
        **about_trial(trial, faq, counts),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "load average": f"{of.load_average:.1f}",
        "energy": ", ".join(meters) or "not told by this machine",
    }


def _print(of: FoundComparison) -> None:
    answers = _table(*(meaning for meaning, _ in words.SHARES))
    means = _table("first text, s", "whole, s", "tokens/s", "memory", "energy")
    for row, figures in of.rows.items():
        shares = [getattr(figures, name) for _, name in words.SHARES]
        answers.add_row(row.name, *map(words.share, shares))
        answers.add_row("", *map(words.interval, shares), style="dim")
        means.add_row(
            row.name,
            words.both_seconds(figures.first_text_ms),
            words.both_seconds(figures.whole_ms),
            f"{words.rate(figures.prefill)} / {words.rate(figures.decode)}",
            words.size(figures.memory),
            words.energy(figures.watt_hours),
        )
    out.print(answers)
    out.print(means)
    out.print(" times: p50 / p95; tokens/s: of the prompt / written", highlight=False)
    if of.ranked:
        best = ", ".join(row.name for row in of.rows if row in of.front)
        out.print(f" no other model is better and as quick: {best}", highlight=False)
    else:
        out.print(f" {words.NOT_RANKED}", highlight=False)


def _table(*columns: str) -> Table:
    return Table(Column("", no_wrap=True), *(Column(name, justify="right") for name in columns), box=None)
