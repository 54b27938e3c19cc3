import asyncio
import json
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from app.cli import asking, exporting, gaps, indexing, ingesting, keys, mcp, models, serving
from app.errors import AskdError, BadSettings, name_of
from app.evaluation.commands import evaluation
from app.evaluation.commands.comparing import compare_models

app = typer.Typer(
    name="askd",
    help="Answers questions from your own FAQ, on your own machine.",
    epilog="Settings: flags win over the environment (ASKD_…), that over .env; docs/settings.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(serving.serve)
app.command()(ingesting.ingest)
app.command()(exporting.export)
app.command()(asking.ask)
app.command()(asking.search)
app.command()(mcp.mcp)
app.command("compare")(compare_models)
app.add_typer(indexing.index, name="index")
app.add_typer(models.models, name="models")
app.add_typer(keys.keys, name="keys")
app.add_typer(gaps.gaps, name="gaps")
app.add_typer(evaluation.evaluation, name="eval")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"askd {version('askd')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that come before the command."""


def main() -> None:
    """Exit status 0: done; 1: failed; 2: wrong usage or settings; 3: ingested in part."""
    try:
        app()
    except AskdError as error:
        _report(error)
        raise SystemExit(2 if isinstance(error, BadSettings) else 1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise SystemExit(130) from None


def _report(error: AskdError) -> None:
    if "--json" in sys.argv:
        typer.echo(json.dumps({"type": f"/problems/{name_of(type(error))}", "detail": str(error)}), err=True)
    else:
        typer.secho(f"askd: {error}", fg=typer.colors.RED, err=True)
        if error.reason:
            typer.secho(f"The server said: {error.reason}", err=True)
