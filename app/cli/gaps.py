"""`askd gaps`: what the FAQ lacks, by what people asked and said."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from app.cli.terminal import JsonOption, err, out, progress_bar, warn
from app.errors import BadSettings
from app.feedback.export import entry_line, table
from app.feedback.gaps import Group
from app.feedback.report import Report, Reporter
from app.settings import Settings, read_settings
from app.wiring import open_askd

_SHOWN = 3  # questions of a group on the terminal

gaps = typer.Typer(help="What was asked and not answered, or not well (docs/feedback.md).")


@gaps.callback(invoke_without_command=True)
def report(
    context: typer.Context,
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="Of so many days before today (UTC), and today.")
    ] = 30,
    collection: Annotated[
        str | None, typer.Option(help="Only what was asked in, or is nearest to, this one.")
    ] = None,
    least: Annotated[int, typer.Option(min=1, help="Only groups asked at least so often.")] = 2,
    most: Annotated[int, typer.Option(min=1, help="At most so many groups and entries.")] = 20,
    csv: Annotated[Path | None, typer.Option(help="Write all groups to this file, as a table.")] = None,
    questions: Annotated[
        Path | None, typer.Option(help="Write questions for `askd eval` to this .csv or .jsonl file.")
    ] = None,
    entry: Annotated[
        int | None, typer.Option(min=1, help="Print a line of JSON for a FAQ file, for the group N.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was declined, suggested or did not help, in groups; and which entries are used."""
    if context.invoked_subcommand is not None:
        return
    if questions and questions.suffix not in (".csv", ".jsonl"):
        raise typer.BadParameter("give a name that ends in .csv or .jsonl", param_hint="--questions")
    found = asyncio.run(_find(read_settings(), days, least, collection))
    if csv:
        _write(csv, table(found.groups))
    if questions:
        as_lines = questions.suffix == ".jsonl"
        _write(questions, found.cases.json_lines(found.keys) if as_lines else found.cases.csv(found.keys))
    if entry is not None:
        if entry > len(found.groups):
            raise BadSettings(f"there is no group {entry}: there are {len(found.groups)}")
        typer.echo(entry_line(found.groups[entry - 1]))
    elif as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    elif not csv and not questions:
        _print(found, most)


@gaps.command()
def forget(
    request_id: Annotated[str, typer.Argument(help="Id of the request (X-Request-ID).")],
) -> None:
    """Delete all that is kept of a request: its outcome, its question and what was said about the answer."""
    number = asyncio.run(_forget(read_settings(), request_id))
    if not number:
        err.print(f"nothing is kept of request {request_id}", highlight=False)
        raise typer.Exit(1)
    err.print(f"forgotten: {number} answers of request {request_id}", highlight=False)


async def _forget(settings: Settings, request_id: str) -> int:
    async with open_askd(settings) as askd:
        return await askd.feedback.forget(request_id)


async def _find(settings: Settings, days: int, least: int, collection: str | None) -> Report:
    async with open_askd(settings) as askd:
        reporter = Reporter(askd.feedback.store, askd.store, askd.embedder)
        found = await reporter.report(days, least, collection, partial(progress_bar, "comparing questions"))
    for notice in found.notices:
        warn(notice)
    return found


def _print(found: Report, most: int) -> None:
    usage = found.usage
    statuses = ", ".join(f"{number} {status}" for status, number in usage.statuses.most_common())
    out.print(f"answers: {statuses or 'none'}; helpful {usage.helpful}, not helpful {usage.unhelpful}")
    if usage.without_question:
        hint = "set ASKD_KEEP_QUESTIONS to see what is asked"
        out.print(f"{usage.without_question} more gaps have no question: {hint}", highlight=False)
    if found.groups:
        _print_groups(found.groups[:most])
    if len(found.groups) > most:
        out.print(f"and {len(found.groups) - most} more groups: --most, or --csv FILE", highlight=False)
    if found.left_out:
        out.print(f"{found.left_out} rare questions are left out", highlight=False)
    _print_entries(found, most)


def _print_groups(groups: Sequence[Group]) -> None:
    shown = Table("", "asked", "declined", "suggested", "unhelpful", "questions", "nearest entry", box=None)
    for number, group in enumerate(groups, start=1):
        said = [_printable(each.question) for each in group.wanted[:_SHOWN]]
        if len(group.wanted) > _SHOWN:
            said.append(f"… {len(group.wanted) - _SHOWN} more")
        kinds = (str(group.kinds[kind] or "") for kind in ("declined", "suggested", "unhelpful"))
        shown.add_row(str(number), str(group.count), *kinds, "\n".join(said), group.nearest or "")
    out.print(shown)


def _printable(text: str) -> str:
    """Anybody can ask: without what would steer the terminal, or turn the line around."""
    return "".join(character if character.isprintable() else " " for character in text)


def _print_entries(found: Report, most: int) -> None:
    used = found.usage.most_used()
    if used:
        shown = Table("entry", "answered", "nearest", "helpful", "unhelpful", box=None)
        for key, use in used[:most]:
            counts = (use.cited, use.nearest, use.helpful, use.unhelpful)
            shown.add_row(key, *(str(count or "") for count in counts))
        out.print(shown)
    if never := found.usage.never_used(found.keys):
        more = f" and {len(never) - most} more" if len(never) > most else ""
        out.print(f"never used: {', '.join(never[:most])}{more}", highlight=False)


def _as_json(found: Report) -> Mapping[str, Any]:
    usage = found.usage
    return {
        "answers": dict(usage.statuses),
        "helpful": usage.helpful,
        "unhelpful": usage.unhelpful,
        "without_question": usage.without_question,
        "groups": [
            {
                "asked": group.count,
                **{kind: group.kinds[kind] for kind in ("declined", "suggested", "unhelpful")},
                "questions": [each.question for each in group.wanted],
                "nearest": group.nearest,
                "comments": list(group.comments),
            }
            for group in found.groups
        ],
        "entries": {key: asdict(use) for key, use in usage.most_used()},
        "never_used": list(usage.never_used(found.keys)),
    }


def _write(file: Path, text: str) -> None:
    """Raises BadSettings."""
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BadSettings(f"{file}: {error.strerror}") from error
    err.print(f"written: {file}", highlight=False, soft_wrap=True)
