import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from app.answering.readiness import gpu_trouble
from app.answering.writing_manner import writing_manner
from app.cli.fitting import fit_models
from app.cli.known_models import show_model
from app.cli.model_library import list_models, pull_into_server, remove_model, run_model
from app.cli.terminal import JsonOption, err, out, warn
from app.embedders import catalogue as embedder_files
from app.embedders.catalogue import EmbedderFiles, own_recipe
from app.errors import EmbedderUnavailable, ModelError, ModelMissing
from app.models import catalogue as model_files
from app.models import hub
from app.models.base import ModelStatus
from app.settings import Settings, read_settings
from app.settings.backends import backend_named
from app.wiring import open_askd
from app.wiring.models import MODELS

models = typer.Typer(
    help="The language model, the embedder, and the files askd can download.", invoke_without_command=True
)


@models.callback()
def show(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the model and the embedder in use, and the files askd can download."""
    if context.invoked_subcommand:
        return
    settings = read_settings()
    status, fit = asyncio.run(_status(settings))
    known = [*_known_models(settings), *_known_embedders(settings)]
    embedder = settings.embedder_name
    if as_json:
        in_use = asdict(status) if status else None
        beside = {"name": embedder, "here": _embedder_is_here(embedder, settings)} if embedder else None
        typer.echo(
            json.dumps({"in_use": in_use, "writing": fit, "embedder": beside, "known": known}, indent=2)
        )
        return
    _say(f"in use: {settings.model_name}, {_described(status)}")
    if fit:
        _say(f"writing: {fit}")
    if status and (trouble := gpu_trouble(status.memory, settings.gpu)):
        warn(trouble)
    _say(f"embedder: {_embedder_described(settings)}")
    table = Table("askd models pull …", "for", "size", "licence", "", box=None)
    for row in known:
        place = "downloaded" if row["here"] else "not downloaded"
        table.add_row(row["name"], row["kind"], f"{row['size'] / 1e6:.0f} MB", row["licence"], place)
    out.print(table)


models.command("fit")(fit_models)
models.command("list")(list_models)
models.command("rm")(remove_model)
models.command("run")(run_model)
models.command("show")(show_model)


@models.command("pull")
def pull_files(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of a file, `ollama:NAME`, or OWNER/REPOSITORY/FILE.gguf@COMMIT of the hub; "
            "default: the model and the embedder in use."
        ),
    ] = None,
) -> None:
    """Download files once, and check them against their digests; Ollama downloads its models itself."""
    settings = read_settings()
    if name is None:
        if settings.embedder_name:
            _pull_embedder(settings.embedder_name, settings)
        kind = MODELS[settings.model_backend]
        if kind.served and not kind.library:
            _say(f"{settings.model_name} is its server's: there is nothing to download")
        else:
            _pull_model_in_use(settings)
    elif name in model_files.KNOWN:
        _pull_model(name, settings)
    elif name in embedder_files.KNOWN:
        _pull_embedder(name, settings)
    elif name.endswith(".gguf") and Path(name).is_file():
        _pull_model(name, settings)
    elif hub.is_file(in_hub := hub.without_host(name)):
        _pull_hub_file(in_hub, settings)
    elif backend_named(name)[0] or MODELS[settings.model_backend].library:
        _pull_model_in_use(read_settings(model=name))
    else:
        known = ", ".join([*model_files.KNOWN, *embedder_files.KNOWN])
        raise ModelMissing(f"askd knows no file {name}; it knows {known}")


def _pull_model_in_use(settings: Settings) -> None:
    if MODELS[settings.model_backend].served:
        pull_into_server(settings, settings.model_name)
    elif not MODELS[settings.model_backend].downloads:
        _say(f"{settings.model_name} is a file of your own: there is nothing to download")
    else:
        _pull_model(settings.model_name, settings)


def _pull_model(name: str, settings: Settings) -> None:
    if weights := model_files.KNOWN.get(name):
        with _bar(name, weights.size) as progress:
            path = model_files.pull(name, settings.models_dir, progress)
    else:
        path = model_files.find(name, settings.models_dir)  # a custom file: nothing to download
    _say(f"{name} is in {path}")


def _pull_hub_file(name: str, settings: Settings) -> None:
    from huggingface_hub import constants, get_token  # takes a third of a second to import

    token = get_token()
    file = hub.find_file(name, constants.ENDPOINT, token)
    _say(f"{file.repository} at {file.commit}, licence: {file.licence or 'none named'}, see {file.page}")
    with _bar(file.file, file.size) as progress:
        path = hub.pull_file(file, settings.models_dir, token, progress)
    _say(f"{file.file} is in {path}; use it with ASKD_MODEL=embedded:{path}")


def _pull_embedder(name: str, settings: Settings) -> None:
    if known := embedder_files.KNOWN.get(name):
        with _bar(name, known.size) as progress:
            path = embedder_files.pull(name, settings.models_dir, progress)
    else:
        path = _find_embedder(name, settings).model
    _say(f"{name} is in {path}")


@contextmanager
def _bar(name: str, size: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(f"downloading {name}", total=size)
        yield lambda more: bar.advance(task, more)


def _known_models(settings: Settings) -> Iterator[dict[str, Any]]:
    for name, weights in model_files.KNOWN.items():
        yield {"name": name, "kind": "answers", "here": _model_is_here(name, settings), **asdict(weights)}


def _known_embedders(settings: Settings) -> Iterator[dict[str, Any]]:
    for name, known in embedder_files.KNOWN.items():
        here = _embedder_is_here(name, settings)
        yield {"name": name, "kind": "embeddings", "here": here, "size": known.size, **asdict(known)}


def _model_is_here(name: str, settings: Settings) -> bool:
    try:
        model_files.find(name, settings.models_dir)
    except ModelError:
        return False
    return True


def _embedder_is_here(name: str, settings: Settings) -> bool:
    try:
        _find_embedder(name, settings)
    except EmbedderUnavailable:
        return False
    return True


def _find_embedder(name: str, settings: Settings) -> EmbedderFiles:
    return embedder_files.find(name, settings.models_dir, own_recipe(settings))


def _embedder_described(settings: Settings) -> str:
    if settings.embedder_name is None:
        return "none, searching by words alone"
    here = _embedder_is_here(settings.embedder_name, settings)
    return f"{settings.embedder_name}, {'downloaded' if here else 'not downloaded'}"


def _say(line: str) -> None:
    out.print(line, highlight=False, soft_wrap=True)


async def _status(settings: Settings) -> tuple[ModelStatus | None, str | None]:
    """Where the model is, and how freely it may write (of one that is loaded or served)."""
    async with open_askd(settings) as askd:
        try:
            status = await askd.llm.status()
            served = MODELS[settings.model_backend].served and status.present
            if not (status.loaded or served):
                return status, None
            return status, str(writing_manner(settings.writing, (await askd.llm.profile()).parameters))
        except ModelError:
            return None, None


def _described(status: ModelStatus | None) -> str:
    if status is None:
        return "but its runtime does not answer"
    if not status.present:
        return "not available yet"
    if not status.loaded or status.size_bytes is None:
        return "loaded" if status.loaded else "available, not loaded"
    gpu = status.gpu_bytes or 0
    return f"loaded: {status.size_bytes / 1e6:.0f} MB, {gpu / 1e6:.0f} MB in GPU memory"
