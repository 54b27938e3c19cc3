"""Records in JSON, JSON Lines and YAML, wherever in the file they stand.

A first reading finds out where the records are: the objects that have a question and an answer, by any
of their names. A second one hands them out; what stands around them names their collection and section.
Read an event of the parser at a time, so that no list has to fit into memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from app.errors import BadFaqFile
from app.ingest.column_aliases import FIELDS, MANY_ANSWERS, MANY_QUESTIONS, Names, plain_name, quoted_names
from app.ingest.formats.articles import CONTAINERS, alternatives, is_draft, lookup_fields, paragraphs, text_of
from app.ingest.formats.events import DEEPEST, TWICE, Events, build
from app.ingest.formats.object_tree import (
    Context,
    Layout,
    Node,
    cell_text,
    keys_seen,
    layout_of,
    section_key,
)
from app.ingest.formats.scan import Scan
from app.ingest.formats.tables import Row, records_of
from app.ingest.records import Bad, Raw, kind
from app.ingest.report import Notes

_MOST_UNKNOWN_KEYS = 10


def read_objects(open_events: Callable[[], Events], names: Names, notes: Notes) -> Iterator[Raw | Bad]:
    """The records of a file; `open_events` reads from its start. Raises BadFaqFile when empty."""
    scan = Scan(names)
    scan.read(open_events())
    layout = layout_of(scan.root, names)
    if not layout.records and not layout.tables:
        if keys_seen(scan.root) or scan.nothing_else_than:
            raise BadFaqFile(_nothing(scan))
        return
    notes.shape = layout.shape
    notes.unused_unit = "objects"
    reader = _Reader(scan, layout, names, notes)
    yield from reader.read(open_events())
    reader.report()


class _Reader:
    def __init__(self, scan: Scan, layout: Layout, names: Names, notes: Notes) -> None:
        self._scan = scan
        self._layout = layout
        self._names = names
        self._notes = notes
        self._unknown: set[str] = set()
        self._ordinal = -1
        self._place = ""
        self._choices = 0  # records that offer several answers

    def read(self, events: Events) -> Iterator[Raw | Bad]:
        for name, value in events:
            if name == "place":
                self._place = value
            elif name == "null" and self._place.startswith("document "):
                continue  # a YAML document without anything, behind the last `---`
            elif name == "bad":
                yield Bad(self._place, value)
            else:
                yield from self._value(
                    name, value, events, self._scan.root, [self._place] if self._place else [], []
                )

    def count_map(self) -> None:
        """An object has begun: both readings number them alike."""
        self._ordinal += 1

    def report(self) -> None:
        if self._choices:
            self._notes.warnings.append(
                f"{self._choices} records offer several answers to choose from; the first of each was taken"
            )
        if self._unknown:
            self._notes.warnings.append(
                f"unknown keys are ignored: {quoted_names(sorted(self._unknown), _MOST_UNKNOWN_KEYS)}"
            )

    def _value(
        self, name: str, value: Any, events: Events, node: Node, place: list[str], around: list[Context]
    ) -> Iterator[Raw | Bad]:
        if len(around) + len(place) > 2 * DEEPEST:
            raise BadFaqFile(f"nested more than {DEEPEST} deep")
        if name == "start_map":
            self.count_map()
            if node in self._layout.records and not node.is_map and self._ordinal not in self._layout.groups:
                record = build(name, value, _Counting(events, self))
                yield from _each_question(self._record(record, place, around, node))
                return
            context = self._scan.contexts.get(self._ordinal)
            inner = [*around, context] if context else around
            for event, key in events:
                if event == "end_map":
                    return
                event, value = next(events)
                if node in self._layout.records and not event.startswith("start_"):
                    if not self._is_meta(key, value):
                        yield self._pair(key, value, place, around, node)
                    continue
                yield from self._value(event, value, events, node.child(key), place, inner)
        elif name == "start_array" and node in self._layout.tables:
            yield from records_of(self._rows(events, place), self._layout.tables[node], self._notes)
        elif name == "start_array":
            item = node.child("[]")
            number = 0
            for event, value in events:
                if event == "end_array":
                    return
                number += 1
                here = [*place, self._item_name(node, item, number, place)]
                if item in self._layout.records and event != "start_map":
                    what = kind(
                        build(event, None if event.startswith("start_") else value, _Counting(events, self))
                    )
                    if event == "start_array":
                        what = "a list"
                    yield Bad(", ".join(here), f"must be an object, not {what}")
                    continue
                yield from self._value(event, value, events, item, here, around)
        elif node in self._layout.records and not node.is_map:
            yield Bad(", ".join(place) or "line 1", f"must be an object, not {kind(value)}")

    def _rows(self, events: Events, place: list[str]) -> Iterator[Row]:
        number, line = 0, ""
        for event, value in events:
            if event == "end_array":
                return
            if event == "place":
                line = value
                continue
            number += 1
            where = line or ", ".join([*place, f"row {number}"])
            if event == "bad":
                yield Row(where, None, value)
                continue
            row = build(event, value, _Counting(events, self))
            if isinstance(row, list) and not any(isinstance(cell, list | dict) for cell in row):
                yield Row(where, [cell_text(cell) for cell in row])
            else:
                yield Row(where, None, f"must be a list of texts, not {kind(row)}")

    def _item_name(self, node: Node, item: Node, number: int, place: list[str]) -> str:
        if node.key == "documents":
            return f"document {number}"
        if node.parent is None and not place:
            is_record = item in self._layout.records and self._ordinal + 1 not in self._layout.groups
            return f"record {number}" if is_record else f"group {number}"
        return f"{node.key} {number}" if node.key not in ("", "[]") else f"item {number}"

    def _is_meta(self, key: str, value: object) -> bool:
        return not isinstance(value, str) or bool(self._names.fields_of(key)) or key.startswith(("@", "$"))

    def _pair(
        self, key: str, value: object, place: list[str], around: list[Context], node: Node
    ) -> Raw | Bad:
        fields = self._around(around, node)
        fields |= {"question": key, "answer": value}
        return Raw(fields, ", ".join([*place, f"key {key[:40]!r}"]))

    def _record(self, record: object, place: list[str], around: list[Context], node: Node) -> Raw | Bad:
        if node.key not in CONTAINERS:
            place = [*place, f"key {node.key[:40]!r}"]
        where = ", ".join(place) or "the record"
        if not isinstance(record, dict):
            return Bad(where, f"must be an object, not {kind(record)}")
        if twice := record.pop(TWICE, None):
            return Bad(where, f"has the key {twice!r} twice: where does the second record begin?")
        if is_draft(record):
            self._notes.skipped += 1
            return Bad(where, "draft", records=0)
        chosen = self._names.choose(record)
        for field, other in (("answer", "text"), ("collection", "course")):
            if field in record and other in record and chosen.get(field) == field:
                one, two = record[field], record[other]
                if not one and two:
                    chosen[field] = other
                elif (
                    isinstance(one, str)
                    and isinstance(two, str)
                    and two.strip()
                    and one.strip() != two.strip()
                ):
                    return Bad(where, f"{field} and {other} are the same field, but differ", field)
        fields = self._around(around, node)
        given = {field: self._text(record[name], name, field) for field, name in chosen.items()}
        given |= self._names.nested(record)
        fields |= {
            field: value
            for field, value in given.items()
            if _says_something(value) or field in ("question", "answer")
        }
        for field, value in lookup_fields(
            record, self._scan.lookups, self._scan.categories, self._scan.base
        ).items():
            if not _says_something(fields.get(field)):
                fields[field] = value
        if len(self._unknown) <= _MOST_UNKNOWN_KEYS:
            used = {name for field, name in chosen.items() if given[field] or not record[name]}
            self._unknown |= {key for key in record if key not in used and not key.startswith(("@", "_"))}
        return Raw(fields, where, names=chosen)

    def _text(self, value: object, name: str, field: str) -> object:
        if field == "answer" and plain_name(name) in MANY_ANSWERS and (joined := paragraphs(value)):
            return joined
        if field == "answer" and (offered := alternatives(value, name)):
            first, *others = (text_of(one, field) for one in offered)
            self._choices += any(other != first for other in others)
            return first
        return text_of(value, field)

    def _around(self, around: list[Context], node: Node) -> dict[str, object]:
        """What the objects and keys around a record say of its collection and section."""
        fields: dict[str, object] = {}
        titles: list[str] = []
        for context in around:
            fields |= context.fields
            if context.title:
                titles.append(context.title)
        if titles and "section" not in fields:
            fields["section"] = titles.pop()
        if titles and "collection" not in fields:
            fields["collection"] = titles[0]
        if "section" not in fields and (key := section_key(node)):
            fields["section"] = key
        return fields


def _each_question(record: Raw | Bad) -> Iterator[Raw | Bad]:
    """A record of several ways to ask for one answer as an entry for each."""
    asked = record.fields.get("question") if isinstance(record, Raw) else None
    if isinstance(record, Bad) or not isinstance(asked, list) or not asked or not _are_many(record):
        yield record
        return
    id_ = record.fields.get("id")
    for number, question in enumerate(asked, 1):
        more = {} if id_ is None or number == 1 else {"id": f"{id_}-{number}"}
        yield replace(record, fields={**record.fields, **more, "question": question})


def _are_many(record: Raw) -> bool:
    return plain_name(record.names.get("question", "")) in MANY_QUESTIONS


class _Counting:
    """Events that a record is built from; the objects in it count, so that both readings agree."""

    def __init__(self, events: Events, reader: _Reader) -> None:
        self._events = events
        self._reader = reader

    def __iter__(self) -> "_Counting":
        return self

    def __next__(self) -> tuple[str, Any]:
        event = next(self._events)
        if event[0] == "start_map":
            self._reader.count_map()
        return event


def _says_something(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _nothing(scan: Scan) -> str:
    if scan.nothing_else_than and not scan.root.objects and not scan.root.children:
        return scan.nothing_else_than
    keys = keys_seen(scan.root)
    if not keys:
        return scan.nothing_else_than or "no records"
    return (
        f"no record with a question and an answer; the keys are {quoted_names(keys)}. Name them "
        f"{', '.join(FIELDS)}, or say which they are: --map question=NAME --map answer=NAME"
    )
