"""`askd models fit`: whether models fit a machine, before they are downloaded."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from app.cli.terminal import JsonOption, out
from app.errors import BadSettings
from app.models.catalogue import find
from app.models.fit.machine import this_machine
from app.models.fit.shapes import Described
from app.models.fit.verdict import MACHINES, Fit, Machine, fit
from app.models.hub import without_host
from app.settings import Settings, read_settings
from app.settings.backends import backend_named
from app.wiring.models import MODELS


def fit_models(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL…", help="A GGUF file, a known name, `ollama:NAME`, or a repository of the hub."
        ),
    ],
    num_ctx: Annotated[
        int | None, typer.Option(help="Window in tokens; default: ASKD_NUM_CTX.", min=512)
    ] = None,
    gpu_memory: Annotated[
        float | None, typer.Option(help="GPU memory in GB, instead of what is found.")
    ] = None,
    on: Annotated[str | None, typer.Option(help=f"Another machine: {', '.join(MACHINES)}.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether models fit a machine, from their metadata alone: nothing is downloaded.

    Exit status 1 if one does not fit with that window.
    """
    settings = read_settings()
    machine = _machine(on, gpu_memory)
    described = [describe_model(model, settings) for model in models]
    fits = [fit(each.shape, machine, num_ctx or settings.num_ctx, settings.num_batch) for each in described]
    if as_json:
        rows = [_row(each, found) for each, found in zip(described, fits, strict=True)]
        typer.echo(json.dumps({"machine": asdict(machine), "models": rows}, indent=2))
    else:
        _print(machine, described, fits)
    if not all(found.fits for found in fits):
        raise typer.Exit(1)


def _machine(on: str | None, gpu_memory: float | None) -> Machine:
    if on is not None and on not in MACHINES:
        raise BadSettings(f"--on: askd knows no machine {on}; it knows {', '.join(MACHINES)}")
    machine = MACHINES[on] if on else this_machine()
    if gpu_memory is None:
        return machine
    return Machine(machine.name, machine.ram, gpu=int(gpu_memory * 1e9))


def describe_model(model: str, settings: Settings) -> Described:
    """Raises ModelMissing or DownloadFailed."""
    # The hub's client takes a third of a second to import.
    from huggingface_hub import constants, get_token

    from app.models.fit.sources import of_file, of_hub, of_registry

    backend, name = backend_named(model)
    name = name or model
    if backend == "ollama":
        describe = MODELS["ollama"].describe
        return (describe(read_settings(model=model)) if describe else None) or of_registry(name)
    repository = without_host(name)
    if backend is None and "/" in repository and not _is_path(name):
        return of_hub(repository, constants.ENDPOINT, get_token())
    return of_file(find(name, settings.models_dir))


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or Path(name).exists()


def _row(model: Described, found: Fit) -> dict[str, Any]:
    shape = model.shape
    return {
        "name": model.name,
        "licence": model.licence,
        "gated": model.gated,
        "parameters": shape.parameters,
        "weights_bytes": shape.weights,
        "kv_cache_bytes": found.kv_cache,
        "total_bytes": found.total,
        "num_ctx": found.num_ctx,
        "fits": found.fits,
        "verdict": found.verdict,
    }


def _print(machine: Machine, described: list[Described], fits: list[Fit]) -> None:
    gpu = f"{machine.gpu / 1e9:.1f} GB of GPU memory" if machine.gpu else "no GPU"
    out.print(f"{machine.name}: {machine.ram / 1e9:.1f} GB of RAM, {gpu}", highlight=False)
    table = Table("model", "parameters", "weights", "num_ctx", "KV cache", "needs", "licence", "", box=None)
    for model, found in zip(described, fits, strict=True):
        shape = model.shape
        gate = f" (gated: {model.page})" if model.gated else ""
        table.add_row(
            model.name,
            f"{shape.parameters / 1e9:.2f} B" if shape.parameters else "–",
            _size(shape.weights),
            str(found.num_ctx),
            _size(found.kv_cache),
            _size(found.total),
            f"{model.licence or '–'}{gate}",
            found.verdict,
        )
    out.print(table)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
