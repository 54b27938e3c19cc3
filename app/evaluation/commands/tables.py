"""Evaluations on the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from app.evaluation.abstention import Abstention
from app.evaluation.calibration import Fit, TrainingSet
from app.evaluation.followups import FOLLOW_UPS, Group
from app.evaluation.metrics import MEASURES, Estimate, Quality

_WORST = 5

out = Console(markup=False, emoji=False)  # questions and names may look like markup


def print_retrieval(about: Mapping[str, object], configurations: Mapping[str, Quality]) -> None:
    _print_about(about)
    table = Table("", *MEASURES, box=None)
    for name, quality in configurations.items():
        table.add_row(name, *(f"{of.value:.3f}" for of in quality.measures.values()))
        table.add_row("", *map(_interval, quality.measures.values()), style="dim")
    out.print(table)
    for name, quality in configurations.items():
        latency = ", ".join(f"{percent} {ms:.1f} ms" for percent, ms in quality.latency_ms.items())
        out.print(f" {name}: {latency}", highlight=False)
    # Of the last one only; the page and the JSON have all.
    if len(quality.collections) > 1:
        _print_collections(name, quality)
    _print_worst(name, quality)


def _print_collections(name: str, quality: Quality) -> None:
    table = Table(f"{name}, by collection", "questions", *MEASURES, box=None)
    for collection, of in quality.collections.items():
        table.add_row(collection, str(of["questions"]), *(f"{of[measure]:.3f}" for measure in MEASURES))
    out.print()
    out.print(table)


def _print_worst(name: str, quality: Quality) -> None:
    table = Table(f"{name}, worst questions", "came at", "wanted", "came first", box=None)
    for miss in quality.worst[:_WORST]:
        table.add_row(miss.question, str(miss.rank or "–"), miss.wanted, *miss.instead[:1])
    if quality.worst:
        out.print()
        out.print(table)


def print_followups(about: Mapping[str, object], groups: Mapping[str, Group]) -> None:
    _print_about(about)
    columns = ("hit@1", "hit@5", "hit@1 alone", "unchanged", "answered", "answered wrong")
    table = Table("kind of question", "asked", *columns, box=None)
    for kind, of in groups.items():
        shares = (of.hit1, of.hit5, of.alone_hit1, of.unchanged, of.answered, of.answered_wrong)
        table.add_row(kind, str(of.questions), *(f"{share:.3f}" for share in shares))
    out.print(table)
    missed = Table("follow-ups, understood as", "wanted", "came first", box=None)
    for miss in groups[FOLLOW_UPS].missed[:_WORST]:
        missed.add_row(miss["question"], miss["wanted"], *miss["came"][:1])
    if missed.row_count:
        out.print()
        out.print(missed)


def print_abstention(about: Mapping[str, object], result: Abstention) -> None:
    _print_about(about)
    table = Table("kind of question", "asked", "declined", "95 % interval", box=None)
    for kind, refused in result.refused.items():
        table.add_row(kind, str(result.questions[kind]), f"{refused.value:.3f}", _interval(refused))
    out.print(table)


def print_fit(fitted: Fit, sets: Sequence[TrainingSet]) -> None:
    of = fitted.calibration
    for name, weights in (("answers", of.answers), ("held", of.held)):
        out.print(f"{name}: {weights}", highlight=False)
    out.print(f"{of.thresholds}", highlight=False)
    table = Table("kind of question", *(each.queries for each in sets), "unsure", "declined", box=None)
    for kind, unsure in fitted.unsure.items():
        counts = (str(each.counts[kind]) for each in sets)
        table.add_row(kind, *counts, f"{unsure:.3f}", f"{fitted.declined[kind]:.3f}")
    out.print(table)


def _print_about(about: Mapping[str, object]) -> None:
    said = (
        f"{name}: {value}" for name, value in about.items() if name in ("engine", "embedder", "questions")
    )
    out.print("; ".join(said), highlight=False)
    out.print()


def _interval(of: Estimate) -> str:
    # .901 rather than 0.901: six of these fit on a line
    return "–".join(f"{bound:.3f}".removeprefix("0") for bound in (of.low, of.high))
