"""`askd models show`, and `list --known`: what is known of models, whether they are here or not."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from app.cli.fitting import describe_model
from app.cli.terminal import JsonOption, out
from app.errors import AskdError
from app.models.fit.shapes import Described
from app.models.published import Catalogue, Published, read_catalogue
from app.settings import read_settings


def show_model(
    model: Annotated[
        str,
        typer.Argument(
            help="A GGUF file, `ollama:NAME`, a repository of the hub, or a name of the catalogue."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show a model's size, window, licence and gate: by its own metadata, else by the catalogue."""
    catalogue = read_catalogue()
    known = catalogue.find(model)
    asked = known.hub if known and known.hub and model == known.name else model
    described = trouble = None
    try:
        described = describe_model(asked, read_settings())
    except AskdError as error:
        if known is None:
            raise
        trouble = str(error)
    facts = {
        **(_known_facts(known, catalogue) if known else {}),
        **(_own_facts(described) if described else {}),
    }
    if as_json:
        typer.echo(json.dumps({"model": model, **facts, "trouble": trouble}, indent=2))
        return
    for name, value in facts.items():
        out.print(f"{name.replace('_', ' ')}: {_readable(name, value)}", highlight=False)
    if trouble:
        out.print(f"from the catalogue alone: {trouble}", highlight=False, soft_wrap=True)


def print_known(*, as_json: bool) -> None:
    """The catalogue as a table."""
    catalogue = read_catalogue()
    if as_json:
        typer.echo(json.dumps(asdict(catalogue), indent=2))
        return
    table = Table("model", "Ollama", "parameters", "window", "at 4 bits", "licence", "gated", "", box=None)
    for one in catalogue.models:
        table.add_row(
            one.hub or one.name,
            one.ollama or "–",
            _readable("parameters", one.parameters),
            f"{one.context:,}" if one.context else "–",
            _readable("q4_bytes", one.q4_bytes) if one.q4_bytes else "–",
            one.licence,
            str(one.gated) if one.gated else "no",
            one.use,
        )
    out.print(table)
    out.print(f"checked {catalogue.checked}: {catalogue.how}", highlight=False, soft_wrap=True)


def _known_facts(known: Published, catalogue: Catalogue) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(known).items() if value is not None and name != "name"}
    return facts | {"checked": catalogue.checked}


def _own_facts(described: Described) -> dict[str, Any]:
    shape = described.shape
    facts = {
        "parameters": shape.parameters,
        "context": shape.context,
        "weights_bytes": shape.weights,
        "kv_cache_bytes_per_token": shape.kv_cache(1, 1),
        "licence": described.licence,
        "gated": described.gated,
        "page": described.page,
        "source": "its own metadata",
    }
    return {name: value for name, value in facts.items() if value is not None}


def _readable(name: str, value: Any) -> str:
    if name == "parameters":
        return f"{value / 1e9:.2f} B"
    if name.endswith("bytes"):
        return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
    if name == "kv_cache_bytes_per_token":
        return f"{value / 1024:.0f} KiB"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
