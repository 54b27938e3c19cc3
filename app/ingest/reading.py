"""One file, whatever its format, as records: `FORMATS` has every format, its suffixes and its reader."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.archives import check_office, seekable
from app.ingest.column_aliases import Names
from app.ingest.formats.documents import Place, read_document
from app.ingest.formats.encoding import lines_of, text_of
from app.ingest.formats.entries import is_written_by_askd
from app.ingest.formats.events import (
    Events,
    MalformedJson,
    is_json_lines,
    json_events,
    json_events_of,
    json_lines_events,
)
from app.ingest.formats.front_matter import split
from app.ingest.formats.linked_data import holding_questions, read_page, without_scripts
from app.ingest.formats.objects import read_objects
from app.ingest.formats.relaxed_json import strict_json
from app.ingest.formats.tables import names_columns, read_csv
from app.ingest.formats.yaml_events import yaml_events
from app.ingest.records import Bad, Raw, entry_of
from app.ingest.report import Notes
from app.ingest.source import Source

Records = Iterator[Raw | Bad]

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
        for raw in FORMATS[source.format].read(source, reading, Names(reading.fields), notes):
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
        raise BadFaqFile(f"{source.name}: not valid text in this encoding: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise BadFaqFile(f"{source.name}: nested too deeply to be read") from error


def _table(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    with closing(source.open()) as file, text_of(file, reading.encoding, notes) as text:
        yield from read_csv(lines_of(text), names, notes)


def _workbook(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    from app.ingest.formats.spreadsheets import read_workbook

    with _checked_office(source) as file:
        yield from read_workbook(file, names, notes)


def _json(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    with closing(source.open()) as file, text_of(file, reading.encoding, Notes()) as text:
        is_lines = is_json_lines(text)
    if is_lines:
        yield from _objects(json_lines_events, source, reading, names, notes)
        return
    try:
        yield from _objects(json_events, source, reading, names, notes)
    except MalformedJson as error:  # before the first record: the whole file is looked through at first
        strict = strict_json(_whole_text(source, reading, Notes()))
        if strict is None:
            raise
        notes.warnings.append(f"not strictly JSON, but read: {error}")
        yield from read_objects(lambda: json_events_of(strict), names, notes)


def _json_lines(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    yield from _objects(json_lines_events, source, reading, names, notes)


def _yaml(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    yield from _objects(yaml_events, source, reading, names, notes)


def _objects(
    events_of: Callable[[io.TextIOWrapper], Events],
    source: Source,
    reading: Reading,
    names: Names,
    notes: Notes,
) -> Records:
    """Opens the file twice: to find out where the records are, and to read them."""
    with ExitStack() as opened:
        told = iter([notes])

        def events() -> Events:
            file = opened.enter_context(closing(source.open()))
            encoding_notes = next(told, Notes())  # of the first time alone: the second would say it again
            return events_of(opened.enter_context(text_of(file, reading.encoding, encoding_notes)))

        yield from read_objects(events, names, notes)


def _markdown(source: Source, reading: Reading, names: Names, notes: Notes, *, mdx: bool = False) -> Records:
    text = _whole_text(source, reading, notes)
    scripts: list[str] = []
    if reading.shape == "auto" and not is_written_by_askd(text):
        text, scripts = without_scripts(text)
        if not scripts and (records := split(text, Notes())[0].records):
            yield from _page(text, [records], source, reading, names, notes, mdx=mdx, kept_in="front matter")
            return
    yield from _page(text, scripts, source, reading, names, notes, mdx=mdx)


def _page(
    text: str,
    scripts: Sequence[str],
    source: Source,
    reading: Reading,
    names: Names,
    notes: Notes,
    *,
    mdx: bool = False,
    kept_in: str = "FAQPage JSON-LD",
) -> Records:
    """A document, and the entries that its JSON-LD or its front matter lists."""
    place = _place(source, reading)
    yield from read_page(
        scripts, lambda notes: read_document(text, place, names, notes, mdx=mdx), names, notes, kept_in
    )


def _plain_text(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    """A table by its header, as Excel names its "Unicode text"; else a document."""
    if reading.shape == "auto":
        with closing(source.open()) as file, text_of(file, reading.encoding, Notes()) as text:
            is_table = names_columns(lines_of(text), names)
        if is_table:
            yield from _table(source, reading, names, notes)
            return
    yield from _markdown(source, reading, names, notes)


def _mdx(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    yield from _markdown(source, reading, names, notes, mdx=True)


def _word(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    from app.ingest.formats.docx import docx_to_markdown

    with _checked_office(source) as file:
        text = docx_to_markdown(file)
    yield from read_document(text, _place(source, reading), names, notes)


def _html(source: Source, reading: Reading, names: Names, notes: Notes) -> Records:
    from app.ingest.formats.html import json_ld, page_to_markdown

    text = _whole_text(source, reading, notes)
    scripts = holding_questions(json_ld(text)) if reading.shape == "auto" else []
    yield from _page(page_to_markdown(text), scripts, source, reading, names, notes)
    notes.shape = f"HTML, {notes.shape}"


def _place(source: Source, reading: Reading) -> Place:
    collection = reading.collection or source.collection
    return Place(source.stem, reading.shape, collection, source.section, source.folder_of_entries)


@contextmanager
def _checked_office(source: Source) -> Iterator[BinaryIO]:
    with closing(source.open()) as file:
        check_office(file)
        with closing(seekable(file)) as copy:
            yield copy


def _whole_text(source: Source, reading: Reading, notes: Notes) -> str:
    with closing(source.open()) as file, text_of(file, reading.encoding, notes) as wrapper:
        try:
            text = wrapper.read(MOST_OF_A_DOCUMENT + 1)
        except UnicodeError as error:
            raise BadFaqFile(f"not {wrapper.encoding.upper()}: {error}") from error
    if len(text) > MOST_OF_A_DOCUMENT:
        raise BadFaqFile(f"more than {MOST_OF_A_DOCUMENT:,} characters: documents are read whole")
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


class Format(NamedTuple):
    suffixes: Sequence[str]
    read: Callable[[Source, Reading, Names, Notes], Records]
    is_document: bool = False  # read whole, and by its shape
    is_office: bool = False  # a zip of its own


FORMATS: Mapping[str, Format] = {
    "json": Format((".json", ".jsonld"), _json),
    "jsonl": Format((".jsonl", ".ndjson"), _json_lines),
    "yaml": Format((".yaml", ".yml"), _yaml),
    "csv": Format((".csv", ".psv"), _table),
    "tsv": Format((".tsv", ".tab"), _table),
    "xlsx": Format((".xlsx", ".xlsm"), _workbook, is_office=True),
    "markdown": Format((".md", ".markdown"), _markdown, is_document=True),
    "text": Format((".txt",), _plain_text, is_document=True),
    "mdx": Format((".mdx",), _mdx, is_document=True),
    "html": Format((".html", ".htm", ".xhtml"), _html, is_document=True),
    "docx": Format((".docx",), _word, is_document=True, is_office=True),
}
SUFFIXES: Mapping[str, str] = {suffix: name for name, known in FORMATS.items() for suffix in known.suffixes}
