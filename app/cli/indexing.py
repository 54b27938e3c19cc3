import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from app.domain import FaqEntry
from app.embedders.base import Embedder
from app.errors import EmbedderUnavailable, IndexMissing
from app.indexes.base import IndexStore
from app.indexes.manifest import IndexVersion, Manifest
from app.ingest.publishing import publish
from app.ingest.survey import Survey, survey
from app.ranking.synonyms import read_synonyms
from app.settings import Settings, read_settings
from app.wiring import Askd, open_askd, scratch_index

index = typer.Typer(help="Versions of the index: list, roll back, rebuild.")
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

# Do not wrap lines in a pipe.
out = Console(width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True)


def ingest(
    files: Annotated[
        list[Path],
        # Not checked by typer, so that an unreadable file is reported like any other problem of a file.
        typer.Argument(help="FAQ files: .json, .jsonl, .csv, .md, or folders of .md.", readable=False),
    ],
    collection: Annotated[str | None, typer.Option(help="Collection for records that name none.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the collections that are not in these files.")
    ] = False,
    if_none: Annotated[
        bool, typer.Option("--if-none", help="Do nothing if there is an index already.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files without publishing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Treat a repeated id as an error.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish FAQ files as a new version of the index; the old one serves until the new one is complete.

    The files become the whole index, unless --keep is given.
    """
    settings = read_settings()
    asyncio.run(_ingest(settings, files, collection, keep, if_none, dry_run, strict, as_json))


async def _ingest(
    settings: Settings,
    files: list[Path],
    collection: str | None,
    keep: bool,
    if_none: bool,
    dry_run: bool,
    strict: bool,
    as_json: bool,
) -> None:
    async with open_askd(settings) as askd:
        if if_none and await askd.store.versions():
            err.print("there is an index already; nothing was changed")
            return
        kept = await _records(askd.store) if keep else []
        with _bar("reading", None) as progress:
            found = survey(files, collection=collection, strict=strict, kept=kept, progress=progress)
        for warning in found.warnings:
            err.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)
        started = time.monotonic()
        manifest = None if dry_run else await _publish(askd, found, settings)
        seconds = time.monotonic() - started
    _report(found, manifest, seconds, as_json)


async def _records(store: IndexStore) -> list[FaqEntry]:
    try:
        return [entry async for entry in store.records()]
    except IndexMissing:
        return []


async def _publish(askd: Askd, found: Survey, settings: Settings, *, anew: bool = False) -> Manifest:
    synonyms = read_synonyms(settings.synonyms) if settings.synonyms else ()
    with _bar("publishing", sum(found.collections.values())) as progress:
        return await publish(
            askd.store,
            found,
            settings.language,
            progress,
            embedder=await _usable(askd.embedder),
            synonyms=synonyms,
            anew=anew,
            scratch=scratch_index,
        )


async def _usable(embedder: Embedder | None) -> Embedder | None:
    """None, with a warning, if it does not work: an index without vectors is better than none."""
    try:
        if embedder:
            await embedder.info()
    except EmbedderUnavailable as error:
        warning = f"{error}; the index has no vectors until you run `askd index rebuild`"
        err.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)
        return None
    return embedder


def _report(found: Survey, manifest: Manifest | None, seconds: float, as_json: bool) -> None:
    entries = sum(found.collections.values())
    if as_json:
        body = {
            "read": found.read,
            "entries": entries,
            "collections": dict(found.collections),
            "warnings": list(found.warnings),
            "version": manifest.version if manifest else None,
            "seconds": round(seconds, 3),
        }
        typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    collections = ", ".join(f"{name} {count}" for name, count in sorted(found.collections.items()))
    done = f"published as version {manifest.version}" if manifest else "checked, nothing published"
    out.print(f"{found.read} records read, {entries} entries {done}", markup=False, highlight=False)
    out.print(f"collections: {collections}", markup=False, highlight=False)
    if manifest:
        rate = f"{seconds:.1f} seconds, {entries / max(seconds, 0.1):,.0f} entries a second"
        out.print(rate, markup=False, highlight=False)


@contextmanager
def _bar(doing: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda more: bar.advance(task, more)


@index.command("list")
def list_versions(as_json: JsonOption = False) -> None:
    """List the versions, newest first."""
    versions = asyncio.run(_versions(read_settings()))
    if as_json:
        typer.echo(json.dumps([_data(version) for version in versions], indent=2))
        return
    version = Column("version", no_wrap=True)
    table = Table("", version, "created", "entries", "size", "language", "vectors", "askd", box=None)
    for listed in versions:
        manifest = listed.manifest
        table.add_row(
            "*" if listed.current else "",
            manifest.version,
            f"{manifest.created:%Y-%m-%d %H:%M:%S} UTC",
            str(manifest.entries),
            f"{listed.size_bytes / 1e6:.1f} MB",
            manifest.language,
            f"{manifest.embedder.name}, {listed.vectors}" if manifest.embedder else "none",
            manifest.askd,
        )
    out.print(table if versions else "no index yet; run `askd ingest FILE`")


async def _versions(settings: Settings) -> list[IndexVersion]:
    async with open_askd(settings) as askd:
        return list(await askd.store.versions())


def _data(version: IndexVersion) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "version": manifest.version,
        "current": version.current,
        "created": manifest.created.isoformat(),
        "entries": manifest.entries,
        "collections": dict(manifest.collections),
        "size_bytes": version.size_bytes,
        "language": manifest.language,
        "schema": manifest.schema,
        "embedder": manifest.embedder.name if manifest.embedder else None,
        "vectors": version.vectors,
        "askd": manifest.askd,
    }


@index.command()
def rollback(as_json: JsonOption = False) -> None:
    """Go back to the previous version."""
    version = asyncio.run(_rollback(read_settings()))
    _said(version.manifest, "serving", as_json)


async def _rollback(settings: Settings) -> IndexVersion:
    async with open_askd(settings) as askd:
        return await askd.store.rollback()


@index.command()
def rebuild(as_json: JsonOption = False) -> None:
    """Rebuild the current version from its records, after an upgrade or a change of settings."""
    _said(asyncio.run(_rebuild(read_settings())), "rebuilt as", as_json)


async def _rebuild(settings: Settings) -> Manifest:
    async with open_askd(settings) as askd:
        kept = [entry async for entry in askd.store.records()]
        found = survey([], collection=None, strict=False, kept=kept)
        return await _publish(askd, found, settings, anew=True)


def _said(manifest: Manifest, done: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"version": manifest.version, "entries": manifest.entries}))
    else:
        out.print(
            f"{done} version {manifest.version}: {manifest.entries} entries", markup=False, highlight=False
        )
