import asyncio
import json
from typing import Any

import typer
from rich.table import Column, Table

from app.cli.ingesting import publish_found
from app.cli.terminal import JsonOption, out
from app.indexes.manifest import ONE_COPY, IndexVersion, Manifest
from app.ingest.survey import survey
from app.settings import Settings, read_settings
from app.wiring import open_askd

index = typer.Typer(help="Versions of the index: list, roll back, rebuild.")


@index.command("list")
def list_versions(as_json: JsonOption = False) -> None:
    """List the versions, newest first."""
    versions = asyncio.run(_versions(read_settings()))
    if as_json:
        typer.echo(json.dumps([_data(version) for version in versions], indent=2))
        return
    version = Column("version", no_wrap=True)
    table = Table("", version, "created", "entries", "size", "language", "vectors", "askd", box=None)
    is_spread = any(listed.manifest.spread != ONE_COPY for listed in versions)
    if is_spread:
        table.add_column("shards + replicas")
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
            *([f"{manifest.spread.shards} + {manifest.spread.replicas} of each"] if is_spread else []),
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
        "shards": manifest.spread.shards,
        "replicas": manifest.spread.replicas,
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
        return await publish_found(askd, found, settings, anew=True)


def _said(manifest: Manifest, done: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"version": manifest.version, "entries": manifest.entries}))
    else:
        out.print(f"{done} version {manifest.version}: {manifest.entries} entries", highlight=False)
