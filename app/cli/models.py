import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from app.domain import ModelStatus
from app.errors import ModelError
from app.model_files import KNOWN, find, pull
from app.settings import Settings, read_settings
from app.wiring import open_askd

models = typer.Typer(help="The model that writes, and the weights askd knows.", invoke_without_command=True)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

out = Console()
err = Console(stderr=True)


@models.callback()
def show(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the model in use, where it is, and the known weights."""
    if context.invoked_subcommand:
        return
    settings = read_settings()
    status = asyncio.run(_status(settings))
    here = {name: _is_here(name, settings) for name in KNOWN}
    if as_json:
        known = [{"name": name, "here": here[name], **asdict(weights)} for name, weights in KNOWN.items()]
        typer.echo(json.dumps({"in_use": asdict(status) if status else None, "known": known}, indent=2))
        return
    out.print(f"in use: {settings.model_name}, {_described(status)}", markup=False, highlight=False)
    table = Table("known weights", "size", "licence", "", box=None)
    for name, weights in KNOWN.items():
        how = "here" if here[name] else f"askd models pull {name}"
        table.add_row(name, f"{weights.size / 1e6:.0f} MB", weights.licence, how)
    out.print(table)


@models.command("pull")
def pull_weights(
    name: Annotated[str | None, typer.Argument(help="A known name; default: the model in use.")] = None,
) -> None:
    """Fetch known weights, once, and check them against their pinned digest."""
    settings = read_settings()
    wanted = name or settings.model_name
    if name is None and settings.ollama_url:
        out.print("Ollama keeps its own models: run `ollama pull` there", markup=False)
        return
    if name is None and wanted not in KNOWN:
        path = find(wanted, settings.models_dir)  # a file of the user's own: nothing to fetch
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        size = KNOWN[wanted].size if wanted in KNOWN else None
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task(f"fetching {wanted}", total=size)
            path = pull(wanted, settings.models_dir, lambda more: bar.advance(task, more))
    out.print(f"{wanted} is in {path}", markup=False, highlight=False, soft_wrap=True)


def _is_here(name: str, settings: Settings) -> bool:
    try:
        find(name, settings.models_dir)
    except ModelError:
        return False
    return True


async def _status(settings: Settings) -> ModelStatus | None:
    async with open_askd(settings) as askd:
        try:
            return await askd.llm.status()
        except ModelError:
            return None


def _described(status: ModelStatus | None) -> str:
    if status is None:
        return "but its runtime does not answer"
    if not status.present:
        return "not here yet"
    if not status.loaded or status.size_bytes is None:
        return "loaded" if status.loaded else "here, not loaded"
    gpu = status.gpu_bytes or 0
    return f"loaded: {status.size_bytes / 1e6:.0f} MB, of it {gpu / 1e6:.0f} MB in GPU memory"
