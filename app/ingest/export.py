"""Entries as files: what one of these writes, `askd ingest` reads back the same."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

import orjson
import yaml

from app.domain import FaqEntry
from app.ingest.formats.entries import write_entry

_NAMES = tuple(field.name for field in fields(FaqEntry))
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write(kind: str, entries: Iterable[FaqEntry]) -> Iterator[str]:
    """The pieces of a file of this kind, one of `WRITERS`."""
    return WRITERS[kind](entries)


def _jsonl(entries: Iterable[FaqEntry]) -> Iterator[str]:
    for entry in entries:
        yield f"{orjson.dumps(_given(entry)).decode()}\n"


def _csv(entries: Iterable[FaqEntry]) -> Iterator[str]:
    """With the mark that makes Excel read it as UTF-8."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _NAMES, quoting=csv.QUOTE_ALL)
    out.write("\ufeff")
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: value or "" for name, value in asdict(entry).items()})
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _yaml(entries: Iterable[FaqEntry]) -> Iterator[str]:
    for entry in entries:
        yield yaml.dump([_given(entry)], Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=10**6)


def _markdown(entries: Iterable[FaqEntry]) -> Iterator[str]:
    for entry in entries:
        yield write_entry(entry)


def _jsonld(entries: Iterable[FaqEntry]) -> Iterator[str]:
    """schema.org's FAQPage; what it has no word for (collection, section) goes by our own names."""
    yield '{"@context": "https://schema.org", "@type": "FAQPage", "mainEntity": ['
    for number, entry in enumerate(entries):
        question: dict[str, Any] = {
            "@type": "Question",
            "name": entry.question,
            "acceptedAnswer": {"@type": "Answer", "text": entry.answer},
            **{name: value for name, value in _given(entry).items() if name not in ("question", "answer")},
        }
        yield ("," if number else "") + "\n" + orjson.dumps(question).decode()
    yield "\n]}\n"


def _given(entry: FaqEntry) -> Mapping[str, str]:
    return {name: value for name, value in asdict(entry).items() if value}


WRITERS: Mapping[str, Callable[[Iterable[FaqEntry]], Iterator[str]]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "yaml": _yaml,
    "markdown": _markdown,
    "jsonld": _jsonld,
}
