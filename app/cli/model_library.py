"""`askd models list|rm|run`, and `pull` where a server keeps the models: as `ollama` has them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from app.cli.known_models import print_known
from app.cli.terminal import JsonOption, err, out
from app.errors import BadSettings
from app.models.base import Message, Prompt, PromptStyle
from app.models.library import ListedModel, ModelLibrary
from app.settings import Settings, read_settings
from app.wiring import open_askd
from app.wiring.models import MODELS


def list_models(
    known: Annotated[
        bool, typer.Option("--known", help="Instead those of the catalogue, whether they are here or not.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the models that the server in use has."""
    if known:
        print_known(as_json=as_json)
        return
    listed = asyncio.run(_listed(read_settings()))
    if as_json:
        typer.echo(json.dumps([asdict(model) for model in listed], indent=2))
        return
    table = Table("name", "size", "", box=None)
    for model in listed:
        size = "–" if model.size_bytes is None else f"{model.size_bytes / 1e6:.0f} MB"
        table.add_row(model.name, size, "loaded" if model.loaded else "")
    out.print(table)


def remove_model(name: Annotated[str, typer.Argument(help="As `askd models list` shows it.")]) -> None:
    """Remove a model from the server in use."""
    asyncio.run(_remove(read_settings(), name))
    out.print(f"removed {name}", highlight=False)


def run_model(
    model: Annotated[str, typer.Argument(help="As in ASKD_MODEL.")],
    prompt: Annotated[str, typer.Argument(help="The prompt, sent as it is, without FAQ entries.")],
) -> None:
    """Show what a model says to a prompt, while it writes."""
    asyncio.run(_run(read_settings(model=model), prompt))


def pull_into_server(settings: Settings, name: str) -> None:
    """Raises DownloadFailed, ModelMissing, ModelUnavailable, or BadSettings where the server pulls none."""
    asyncio.run(_pull(settings, name))
    out.print(f"{name} is there", highlight=False)


async def _pull(settings: Settings, name: str) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    async with _library(settings) as library:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task(f"pulling {name}", total=None)
            async with aclosing(library.pull(name)) as steps:
                async for step in steps:
                    bar.update(task, completed=step.completed, total=step.total)


async def _listed(settings: Settings) -> Sequence[ListedModel]:
    async with _library(settings) as library:
        return await library.models()


async def _remove(settings: Settings, name: str) -> None:
    async with _library(settings) as library:
        await library.remove(name)


@asynccontextmanager
async def _library(settings: Settings) -> AsyncIterator[ModelLibrary]:
    kind = MODELS[settings.model_backend]
    if kind.library is None:
        raise BadSettings(
            "this works with Ollama: set ASKD_OLLAMA_URL; `askd models` shows what the embedded model can be"
        )
    async with AsyncExitStack() as opened:
        await kind.remote_host(settings)
        yield await kind.library(settings, opened)


async def _run(settings: Settings, text: str) -> None:
    async with open_askd(settings) as askd:
        style = (await askd.llm.profile()).style
        if style is PromptStyle.CHAT:  # it may do without a system message
            style = PromptStyle.CHAT_WITHOUT_SYSTEM
        prompt = Prompt(style, [Message("user", text)], settings.answer_budget)
        async with aclosing(askd.llm.generate(prompt)) as chunks:
            async for chunk in chunks:
                out.print(chunk.text, end="", highlight=False, soft_wrap=True)
        out.print()
