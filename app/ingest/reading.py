"""One file, whatever its format, as records."""

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.archives import check_office
from app.ingest.formats.documents import Place, read_document
from app.ingest.formats.encoding import lines_of, text_of
from app.ingest.formats.events import (
    Events,
    is_json_lines,
    json_events,
    json_lines_events,
)
from app.ingest.formats.objects import read_objects
from app.ingest.formats.tables import read_csv
from app.ingest.formats.yaml_events import yaml_events
from app.ingest.names import Names
from app.ingest.records import Bad, Raw, entry_of
from app.ingest.report import Notes
from app.ingest.sources import Source, seekable

MOST_OF_A_DOCUMENT = 32 * 2**20  # characters; documents are read into memory


@dataclass(frozen=True)
class Reading:
    """How to read files, where they do not say so themselves."""

    collection: str | None = None  # of the records that name none
    encoding: str | None = None
    shape: str = "auto"
    fields: Mapping[str, str] = field(default_factory=dict)  # --map: our field -> the file's name of it
    format: str | None = None
    base_url: str | None = None
    allow_partial: bool = False


class Record(NamedTuple):
    """An entry and its place in the file: "record 12", "line 7"."""

    entry: FaqEntry
    place: str


def read_records(source: Source, reading: Reading, notes: Notes) -> Iterator[Record | Bad]:
    """The entries of a file, and the records that are wrong. Raises BadFaqFile, which names the file."""
    collection = reading.collection or source.stem
    try:
        for raw in _read_raw(source, reading, notes):
            if isinstance(raw, Bad):
                yield raw
                continue
            entry = entry_of(raw, collection=collection, base_url=reading.base_url, notes=notes)
            yield entry if isinstance(entry, Bad) else Record(entry, raw.place)
    except BadFaqFile as error:
        raise BadFaqFile(f"{source.name}, {error}") from error
    except OSError as error:
        raise BadFaqFile(f"{source.name}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise BadFaqFile(f"{source.name}: not the text its encoding says: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise BadFaqFile(f"{source.name}: nested too deeply to be read") from error


def _read_raw(source: Source, reading: Reading, notes: Notes) -> Iterator[Raw | Bad]:
    names = Names(reading.fields)
    if source.format in ("json", "jsonl", "yaml"):
        yield from _objects(source, reading, names, notes)
        return
    with closing(source.open()) as file:
        if source.format == "csv":
            with text_of(file, reading.encoding, notes) as text:
                yield from read_csv(lines_of(text), names, notes)
        elif source.format == "xlsx":
            from app.ingest.formats.spreadsheets import read_workbook

            check_office(file)
            with closing(seekable(file)) as copy:
                yield from read_workbook(copy, names, notes)
        else:
            yield from _document(source, reading, names, notes, file)


def _objects(source: Source, reading: Reading, names: Names, notes: Notes) -> Iterator[Raw | Bad]:
    opened: list[BinaryIO | io.TextIOWrapper] = []
    first = True

    def text(told: Notes) -> io.TextIOWrapper:
        file = source.open()
        opened.append(file)
        wrapper = text_of(file, reading.encoding, told)
        opened.append(wrapper)
        return wrapper

    is_lines = source.format == "jsonl" or (source.format == "json" and is_json_lines(text(Notes())))

    def events() -> Events:
        nonlocal first
        told, first = (notes if first else Notes()), False
        if is_lines:
            return json_lines_events(text(told))
        return yaml_events(text(told)) if source.format == "yaml" else json_events(text(told))

    try:
        yield from read_objects(events, names, notes)
    finally:
        for file in reversed(opened):
            file.close()


def _document(
    source: Source, reading: Reading, names: Names, notes: Notes, file: BinaryIO
) -> Iterator[Raw | Bad]:
    place = Place(
        source.stem,
        reading.shape,
        reading.collection or source.collection,
        source.section,
        source.folder_of_entries,
    )
    if source.format == "docx":
        from app.ingest.formats.docx import docx_to_markdown

        check_office(file)
        with closing(seekable(file)) as copy:
            text = docx_to_markdown(copy)
        yield from read_document(text, place, names, notes)
        return
    with text_of(file, reading.encoding, notes) as wrapper:
        try:
            text = wrapper.read(MOST_OF_A_DOCUMENT + 1)
        except UnicodeError as error:
            raise BadFaqFile(f"not {wrapper.encoding.upper()}: {error}") from error
    if len(text) > MOST_OF_A_DOCUMENT:
        raise BadFaqFile(f"more than {MOST_OF_A_DOCUMENT:,} characters: documents are read whole")
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if source.format != "html":
        yield from read_document(text, place, names, notes, mdx=source.format == "mdx")
        return
    from app.ingest.formats.html import json_ld, page_to_markdown

    marked = [script for script in json_ld(text) if "Question" in script] if reading.shape == "auto" else []
    if found := list(_of_json_ld(marked, names, notes)):
        notes.shape = "HTML, FAQPage JSON-LD"
        yield from found
        return
    yield from read_document(page_to_markdown(text), place, names, notes)
    notes.shape = f"HTML, {notes.shape}"


def _of_json_ld(scripts: list[str], names: Names, notes: Notes) -> Iterator[Raw | Bad]:
    for script in scripts:

        def events(script: str = script) -> Events:
            raw = io.BytesIO(script.encode("utf-8", "replace"))
            return json_events(io.TextIOWrapper(raw, "utf-8", newline=""))

        try:
            yield from read_objects(events, names, notes)
        except BadFaqFile as error:
            notes.warnings.append(f"JSON-LD that is passed over: {error}")
