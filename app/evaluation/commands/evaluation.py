import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from app.errors import BadSettings
from app.evaluation import abstention as kinds
from app.evaluation.abstention import Abstention
from app.evaluation.commands.answering import answers
from app.evaluation.commands.calibrating import calibrate
from app.evaluation.commands.conversing import followups
from app.evaluation.commands.output import about_trial, check_targets, stop_at, write, write_json
from app.evaluation.commands.tables import print_abstention, print_retrieval
from app.evaluation.commands.trial import err, open_trial, progress_bar
from app.evaluation.extra import require_extra
from app.evaluation.metrics import Quality, quality
from app.evaluation.questions import read_answerable, read_unanswerable
from app.evaluation.report import abstention_page, retrieval_page
from app.evaluation.runs import ask, compare, misplaced, without_answers
from app.evaluation.variations import Variation
from app.ranking.fusion import Fusion
from app.settings import read_settings

evaluation = typer.Typer(
    help="Measure search and declining on your own questions, in a temporary index.",
    no_args_is_help=True,
)
Faq = Annotated[Path, typer.Argument(help="FAQ file, or a folder of Markdown.")]
Questions = Annotated[
    Path, typer.Argument(help="CSV or JSONL: question, document or id (several: a|b), collection or course.")
]
Label = Annotated[str | None, typer.Option("--collection", help="Collection for records that name none.")]
IgnoreCollection = Annotated[
    bool,
    typer.Option(
        "--ignore-collection", help="Search in all collections, not only in the one that QUESTIONS names."
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit-questions", min=1, help="Ask a seeded sample of this size.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JsonFile = Annotated[Path | None, typer.Option(help="Write the JSON to this file.")]
Html = Annotated[Path | None, typer.Option(help="Write a self-contained page with plots to this file.")]
Least = Annotated[float | None, typer.Option(min=0, max=1, help="Exit with status 1 below this value.")]
Most = Annotated[float | None, typer.Option(min=0, max=1, help="Exit with status 1 above this value.")]


# --- retrieval ---------------------------------------------------------------------------------


@evaluation.command()
def retrieval(
    faq: Faq,
    questions: Questions,
    collection: Label = None,
    ignore_collection: IgnoreCollection = False,
    compared: Annotated[
        str, typer.Option("--compare", help="Any of lexical, semantic, hybrid; the limits apply to the last.")
    ] = Fusion.HYBRID.value,
    typos: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the longer words that get a typo.")
    ] = 0,
    keywords: Annotated[
        int | None, typer.Option(min=1, help="Ask only this many of the rarest words.")
    ] = None,
    limit: Limit = None,
    as_json: AsJson = False,
    json_file: JsonFile = None,
    html: Html = None,
    min_hit1: Least = None,
    min_hit5: Least = None,
    min_mrr5: Least = None,
) -> None:
    """Measure the ranking: hit@k, MRR, nDCG, latency, and the worst questions."""
    require_extra()
    check_targets(json_file, html)
    fusions = _fusions(compared)
    variation = Variation(limit, keywords, typos, ignore_collection)
    about, found = asyncio.run(_retrieval(faq, questions, collection, fusions, variation))
    write_json({"about": about, "configurations": found}, as_json, json_file)
    if html:
        write(html, retrieval_page(about, found))
    if not as_json:
        print_retrieval(about, found)
    held = found[fusions[-1]].measures
    stop_at(
        f"{name} is {held[name].value:.4f}, less than {least}"
        for name, least in {"hit@1": min_hit1, "hit@5": min_hit5, "mrr@5": min_mrr5}.items()
        if least is not None and held[name].value < least
    )


async def _retrieval(
    faq: Path, questions: Path, collection: str | None, fusions: Sequence[Fusion], variation: Variation
) -> tuple[Mapping[str, object], Mapping[str, Quality]]:
    async with open_trial(read_settings(), faq, collection) as trial:
        if Fusion.SEMANTIC in fusions and trial.manifest.embedder is None:
            raise BadSettings("there is no embedder to compare semantic search with; see ASKD_EMBEDDER")
        read = read_answerable(questions, trial.catalogue)
        cases = variation.of(read, trial.statistics)
        finders = {
            fusion.value: replace(trial.askd.assistant.pipeline.retrieval, fusion=fusion)
            for fusion in fusions
        }
        with progress_bar("asking", len(cases) * len(finders)) as progress:
            outcomes = await compare(finders, cases, progress)
        found = {name: quality(of, trial.catalogue) for name, of in outcomes.items()}
    for name, of in found.items():
        if of.without_vector and name != Fusion.LEXICAL:
            err.print(f"warning: {name}: {of.without_vector} questions were searched by words alone")
    return about_trial(trial, faq, {questions.name: len(cases)}), found


def _fusions(names: str) -> Sequence[Fusion]:
    try:
        return [Fusion(name.strip()) for name in names.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--compare takes {', '.join(Fusion)}, with commas between them") from None


# --- abstention --------------------------------------------------------------------------------


@evaluation.command()
def abstention(
    faq: Faq,
    questions: Questions,
    off_topic: Annotated[
        Path | None,
        typer.Argument(help="Further questions that the FAQ does not answer, without document or id."),
    ] = None,
    collection: Label = None,
    ignore_collection: IgnoreCollection = False,
    removed: Annotated[
        bool, typer.Option("--removed", help="Also ask with the answering entries removed.")
    ] = False,
    limit: Limit = None,
    as_json: AsJson = False,
    json_file: JsonFile = None,
    html: Html = None,
    min_rejected: Least = None,
    max_refused: Most = None,
) -> None:
    """Measure how often unanswerable and answerable questions are declined."""
    require_extra()
    check_targets(json_file, html)
    files = [questions, off_topic] if off_topic else [questions]
    variation = Variation(limit, ignore_collection=ignore_collection)
    about, found = asyncio.run(_abstention(faq, files, collection, removed, variation))
    write_json({"about": about, "abstention": found}, as_json, json_file)
    if html:
        write(html, abstention_page(about, found))
    if not as_json:
        print_abstention(about, found)
    rejected, refused = (found.refused[kind].value for kind in (kinds.UNANSWERABLE, kinds.ANSWERABLE))
    missed = []
    if min_rejected is not None and rejected < min_rejected:
        missed.append(f"{rejected:.4f} of the unanswerable were declined, less than {min_rejected}")
    if max_refused is not None and refused > max_refused:
        missed.append(f"{refused:.4f} of the answerable were declined, more than {max_refused}")
    stop_at(missed)


async def _abstention(
    faq: Path, files: Sequence[Path], collection: str | None, removed: bool, variation: Variation
) -> tuple[Mapping[str, object], Abstention]:
    async with open_trial(read_settings(), faq, collection) as trial:
        read = read_answerable(files[0], trial.catalogue)
        asked = variation.of(read, trial.statistics)
        groups = {
            kinds.ANSWERABLE: asked,
            kinds.UNANSWERABLE: read_unanswerable(files, trial.catalogue),
            kinds.WRONG_COLLECTION: misplaced(asked, trial.catalogue),
        }
        total = sum(map(len, groups.values())) + removed * len(asked)
        with progress_bar("asking", total) as progress:
            retrieval = trial.askd.assistant.pipeline.retrieval
            outcomes = {kind: await ask(retrieval, of, progress) for kind, of in groups.items()}
            if removed:
                outcomes[kinds.REMOVED] = await without_answers(retrieval, asked, trial.catalogue, progress)
    counts = {kind: len(of) for kind, of in outcomes.items()}
    return about_trial(trial, faq, counts), kinds.abstention(outcomes)


evaluation.command()(answers)
evaluation.command()(followups)
evaluation.command()(calibrate)
