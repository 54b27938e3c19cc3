"""`askd export`: the FAQ that is published, as a file that `askd ingest` reads back the same."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal import err
from app.domain import FaqEntry
from app.errors import BadSettings
from app.ingest.export import WRITERS, write
from app.settings import Settings, read_settings
from app.wiring import open_askd

_SUFFIXES = {
    ".json": "jsonld",
    ".jsonld": "jsonld",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".md": "markdown",
}


def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; standard output if not given.")
    ] = None,
    given_format: Annotated[
        str | None, typer.Option("--format", help=f"{', '.join(WRITERS)}; else by the file's name, or jsonl.")
    ] = None,
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
) -> None:
    """Write the published FAQ as JSONL, CSV, YAML, Markdown or schema.org's FAQPage."""
    kind = given_format or (_SUFFIXES.get(file.suffix.lower(), "") if file else "jsonl")
    if kind not in WRITERS:
        raise typer.BadParameter(f"which format? give one of {', '.join(WRITERS)}", param_hint="--format")
    asyncio.run(_export(read_settings(), file, kind, collection))


async def _export(settings: Settings, file: Path | None, kind: str, collection: str | None) -> None:
    async with open_askd(settings) as askd:
        entries = [entry async for entry in askd.store.records() if collection in (None, entry.collection)]
    pieces: Iterator[str] = write(kind, entries)
    if file is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece.encode())
        sys.stdout.buffer.flush()
        return
    _to_file(file, pieces, entries)


def _to_file(file: Path, pieces: Iterator[str], entries: list[FaqEntry]) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as opened:
            opened.writelines(pieces)
    except OSError as error:
        raise BadSettings(f"{file}: {error.strerror}") from error
    err.print(f"{len(entries)} entries written to {file}", highlight=False, soft_wrap=True)
