"""`askd ingest`: FAQ files become the next version of the index, and what was found is reported."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.terminal import JsonOption, err, out, progress_bar, warn
from app.domain import FaqEntry
from app.embedders.base import Embedder
from app.errors import AskdError, BadSettings, EmbedderUnavailable, IndexMissing
from app.indexes.base import IndexStore
from app.indexes.manifest import Manifest, Spread
from app.ingest.column_aliases import FIELDS
from app.ingest.formats.documents import SHAPES
from app.ingest.publishing import publish
from app.ingest.reading import FORMATS, SUFFIXES, Reading
from app.ingest.report import FileReport
from app.ingest.survey import Survey, survey
from app.ranking.synonyms import read_synonyms
from app.settings import Settings, read_settings
from app.wiring import Askd, open_askd, scratch_index

INCOMPLETE = 3  # exit status: published, but something is wrong with the files
_MOST_LINES = 40  # of findings; --json has all


@dataclass(frozen=True)
class _Job:
    files: Sequence[Path]
    reading: Reading
    keep: bool
    dry_run: bool
    strict: bool
    as_json: bool


def ingest(
    files: Annotated[
        list[Path],
        # Not checked by typer, so that unreadable files are reported like all other errors of files.
        typer.Argument(
            help=f"FAQ files ({', '.join(SUFFIXES)}, .gz, .zip), folders, globs, or - for standard input.",
            readable=False,
            allow_dash=True,
        ),
    ],
    collection: Annotated[str | None, typer.Option(help="Collection for records that name none.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the collections that are not in these files.")
    ] = False,
    if_none: Annotated[
        bool, typer.Option("--if-none", help="Do nothing if there is an index already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; show the first entries of each file.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Publish nothing if a record is wrong or an id appears twice.")
    ] = False,
    shape: Annotated[
        str, typer.Option(help=f"How documents are written, if askd does not detect it: {', '.join(SHAPES)}.")
    ] = "auto",
    fields: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=NAME", help="What the files call a field: --map question=Q."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of text files: utf-8, cp1252, …")] = None,
    given_format: Annotated[
        str | None, typer.Option("--format", help=f"Format of the files: {', '.join(FORMATS)}.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Address that relative links are relative to.")
    ] = None,
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial",
            help="Publish what was found, even where much is not used or wrong.",
        ),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep running, and publish again whenever the files change.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish FAQ files as a new version of the index; the old one serves until the new one is complete.

    The files become the whole index, unless --keep is given. Exit status 3: published, but wrong
    records or unreadable files were left out; the report names them.
    """
    if shape not in SHAPES:
        raise typer.BadParameter(f"{shape!r} is none of {', '.join(SHAPES)}", param_hint="--shape")
    if given_format is not None and given_format not in FORMATS:
        raise typer.BadParameter(f"{given_format!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    settings = read_settings()
    reading = Reading(
        collection, encoding, shape, _mapped(fields or []), given_format, base_url, allow_partial
    )
    job = _Job(files, reading, keep, dry_run, strict, as_json)
    if watch:
        asyncio.run(_watch(settings, job))
    elif not asyncio.run(_ingest(settings, job, if_none)):
        raise typer.Exit(INCOMPLETE)


def _mapped(given: Sequence[str]) -> dict[str, str]:
    """`question=Q`, several times or with commas between them."""
    found: dict[str, str] = {}
    for pair in (pair for one in given for pair in one.split(",")):
        field, equals, name = (part.strip() for part in pair.partition("="))
        if field not in FIELDS or not equals or not name:
            raise typer.BadParameter(
                f"{pair!r}: write FIELD=NAME; fields are {', '.join(FIELDS)}", param_hint="--map"
            )
        found[field] = name
    return found


async def _ingest(settings: Settings, job: _Job, if_none: bool = False) -> bool:
    """Whether all of the files was published."""
    async with open_askd(settings) as askd:
        if if_none and await askd.store.versions():
            err.print("there is an index already; nothing was changed")
            return True
        return await _once(askd, settings, job)


async def _once(askd: Askd, settings: Settings, job: _Job) -> bool:
    kept = await records(askd.store) if job.keep else []
    with progress_bar("reading", None) as progress:
        found = survey(
            job.files,
            collection=job.reading.collection,
            strict=job.strict,
            kept=kept,
            progress=progress,
            reading=job.reading,
        )
    if found.wants_serving:
        found = found.keeping(await records(askd.store))
    if not job.as_json:
        _print_findings(found)
    started = time.monotonic()
    manifest = None if job.dry_run else await publish_found(askd, found, settings)
    _report(found, manifest, time.monotonic() - started, job)
    return found.is_complete


async def _watch(settings: Settings, job: _Job) -> None:
    """Publishes now, and whenever the files change; a broken file keeps the current version."""
    from app.ingest.watch import changes

    if any(str(path) == "-" for path in job.files):
        raise BadSettings("standard input cannot be watched; give files or folders")
    async with open_askd(settings) as askd:
        async for _ in changes(job.files):
            try:
                await _once(askd, settings, job)
            except AskdError as error:
                warn(f"{error}\n  the current version stays in use")


async def records(store: IndexStore) -> list[FaqEntry]:
    """What is published now."""
    try:
        return [entry async for entry in store.records()]
    except IndexMissing:
        return []


async def publish_found(askd: Askd, found: Survey, settings: Settings, *, anew: bool = False) -> Manifest:
    synonyms = read_synonyms(settings.synonyms) if settings.synonyms else ()
    with progress_bar("publishing", sum(found.collections.values())) as progress:
        manifest = await publish(
            askd.store,
            found,
            settings.language,
            progress,
            embedder=await _usable(askd.embedder),
            synonyms=synonyms,
            anew=anew,
            scratch=partial(scratch_index, settings),
            spread=Spread(settings.index_shards, settings.index_replicas),
        )
    if manifest.unreadable:
        warn(manifest.unreadable)
    return manifest


async def _usable(embedder: Embedder | None) -> Embedder | None:
    """None, with a warning, if it does not work: an index without vectors is better than none."""
    try:
        if embedder:
            await embedder.info()
    except EmbedderUnavailable as error:
        warn(f"{error}; the index has no vectors until you run `askd index rebuild`")
        return None
    return embedder


def _print_findings(found: Survey) -> None:
    """Findings and bad records, on standard error."""
    lines = [*found.warnings]
    passed_over = [report for report in found.files if report.passed_over]
    if passed_over:
        named = ", ".join(report.file for report in passed_over[:3]) + (" …" if len(passed_over) > 3 else "")
        lines.append(f"{len(passed_over)} files of the folders are skipped: {named}; --json says why")
    for report in found.files:
        if not report.passed_over:
            lines += [f"{report.file}: {finding}" for finding in report.findings]
    more = [f"and {len(lines) - _MOST_LINES} more; --json has all"] if len(lines) > _MOST_LINES else []
    for line in [*lines[:_MOST_LINES], *more]:
        warn(line)
    for bad in [*map(str, found.bad), *found.failed]:
        err.print(f"wrong: {bad}", style="red", highlight=False, soft_wrap=True)


def _report(found: Survey, manifest: Manifest | None, seconds: float, job: _Job) -> None:
    entries = sum(found.collections.values())
    if job.as_json:
        typer.echo(json.dumps(_data(found, manifest, seconds, job), indent=2, ensure_ascii=False))
        return
    if job.dry_run:
        for report in found.files:
            _show(report)
    collections = ", ".join(f"{name} {count}" for name, count in sorted(found.collections.items()))
    done = f"published as version {manifest.version}" if manifest else "checked, nothing published"
    bad = sum(report.bad for report in found.files)
    counts = ((found.merged, "merged"), (found.skipped, "skipped"), (bad, "wrong"))
    rest = "".join(f", {count} {what}" for count, what in counts if count)
    _print(f"{found.read} records read, {entries} entries {done}{rest}")
    for report in [report for report in found.files if not report.passed_over][:_MOST_LINES]:
        _print(f"  {report.file}: {report.read - report.bad} entries, {report.notes.shape}")
    _print(f"collections: {collections}")
    if manifest:
        _print(f"{seconds:.1f} seconds, {entries / max(seconds, 0.1):,.0f} entries a second")


def _show(report: FileReport) -> None:
    if report.passed_over:
        _print(f"{report.file}: skipped: {report.passed_over}")
        return
    _print(f"{report.file}: {report.notes.shape}")
    for entry in report.samples:
        answer = " ".join(entry.answer.split())
        where = " / ".join(filter(None, (entry.collection, entry.section)))
        _print(f"  [{where}] {entry.question}\n    {answer[:160]}{'…' if len(answer) > 160 else ''}")


def _print(text: str) -> None:
    out.print(text, highlight=False, soft_wrap=True)


def _data(found: Survey, manifest: Manifest | None, seconds: float, job: _Job) -> dict[str, Any]:
    findings = [f"{report.file}: {finding}" for report in found.files for finding in report.findings]
    return {
        "read": found.read,
        "entries": sum(found.collections.values()),
        "merged": found.merged,
        "skipped": found.skipped,
        "collections": dict(found.collections),
        "warnings": [*found.warnings, *(findings if len(findings) <= 1000 else findings[:1000])],
        "bad": [
            {"file": one.file, "place": one.place, "field": one.field, "reason": one.reason, "kept": one.kept}
            for one in found.bad
        ],
        "failed": list(found.failed),
        "files": [_file(report, job) for report in found.files],
        "version": manifest.version if manifest else None,
        "seconds": round(seconds, 3),
    }


def _file(report: FileReport, job: _Job) -> dict[str, Any]:
    notes = report.notes
    data: dict[str, Any] = {
        "file": report.file,
        "shape": notes.shape,
        "read": report.read,
        "bad": report.bad,
        "skipped": notes.skipped,
        "unused": {
            "count": notes.unused,
            "of": notes.total,
            "unit": notes.unused_unit,
            "first": notes.first_unused,
        },
        "passed_over": report.passed_over or None,
    }
    if job.dry_run:
        data["entries"] = [asdict(entry) for entry in report.samples]
    return data
