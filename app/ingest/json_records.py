"""Flat records, and the course's nested groups, in JSON and JSON Lines.

Read an event of the parser at a time, so that not even one group has to fit into memory.
"""

import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO

import ijson  # type: ignore[import-untyped]

from app.errors import BadFaqFile
from app.ingest.records import COLLECTION_KEYS, Raw, kind

_Events = Iterator[tuple[str, Any]]


def read_json(file: BinaryIO) -> Iterator[Raw]:
    events = _events(_Pieces(file))
    if next(events)[0] != "start_array":
        raise BadFaqFile(
            "line 1: a JSON file must hold a list of records; for one record per line use .jsonl"
        )
    for number, (event, value) in enumerate(events, 1):
        if event != "end_array":
            yield from _item(event, value, events, f"record {number}", f"group {number}")


def read_json_lines(lines: Iterable[str]) -> Iterator[Raw]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            events = _events(_Pieces(io.BytesIO(line.encode()), number))
            for event, value in events:
                yield from _item(event, value, events, f"line {number}", f"line {number}")


def _item(event: str, value: object, events: _Events, record: str, group: str) -> Iterator[Raw]:
    """A flat record, or the documents of a group: a group is what has a key `documents`."""
    if event != "start_map":
        raise BadFaqFile(f"{record}: must be an object, not {kind(_shallow(event, value, events))}")
    fields: dict[str, object] = {}
    # A group may name its collection after its documents. The last one waits in any case: only at
    # the group's end are all its keys known.
    waiting: list[Raw] = []
    is_group = False
    for key, event, value in _members(events):
        if key != "documents":
            fields[key] = _shallow(event, value, events)
            continue
        is_group = True
        for raw in _documents(event, value, events, group, fields):
            waiting.append(raw)
            if len(waiting) > 1 and COLLECTION_KEYS & fields.keys():
                yield waiting.pop(0)
    yield from waiting if is_group else [Raw(fields, record)]


def _documents(
    event: str, value: object, events: _Events, place: str, group: dict[str, object]
) -> Iterator[Raw]:
    if event != "start_array":
        raise BadFaqFile(f"{place}: documents must be a list, not {kind(_shallow(event, value, events))}")
    for number, (event, value) in enumerate(iter(partial(next, events), ("end_array", None)), 1):
        where = f"{place}, document {number}"
        if event != "start_map":
            raise BadFaqFile(f"{where}: must be an object, not {kind(_shallow(event, value, events))}")
        fields = {key: _shallow(event, value, events) for key, event, value in _members(events)}
        yield Raw(fields, where, group)


def _members(events: _Events) -> Iterator[tuple[str, str, object]]:
    """Keys and where their values begin, up to the object's end; the caller reads each value whole."""
    for _, key in iter(partial(next, events), ("end_map", None)):
        yield key, *next(events)


def _shallow(event: str, value: object, events: _Events) -> object:
    """The value; of a list or an object only its kind, empty: no field of ours is nested."""
    if not event.startswith("start_"):
        return value
    depth = 1
    while depth:
        inner = next(events)[0]
        depth += inner.startswith("start_") - inner.startswith("end_")
    return [] if event == "start_array" else {}


class _Pieces:
    """What the parser reads from: a line at most each time, so that `line` is where it failed."""

    def __init__(self, file: BinaryIO, line: int = 1) -> None:
        self.line = line
        self._file = file
        self._line_ended = False
        if file.read(len(BOM_UTF8)) != BOM_UTF8:
            file.seek(0)

    def read(self, size: int) -> bytes:
        piece = self._file.readline(size)
        if piece:
            self.line += self._line_ended
            self._line_ended = piece.endswith(b"\n")
        return piece


def _events(pieces: _Pieces) -> _Events:
    try:
        # as floats: only whole numbers are ever used, and a Decimal may be endless
        yield from ijson.basic_parse(pieces, use_float=True)
    except ijson.JSONError as error:
        raise BadFaqFile(f"line {pieces.line}: malformed JSON: {_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise BadFaqFile(f"line {pieces.line}: not UTF-8 ({error.reason})") from error


def _reason(error: ijson.JSONError) -> str:
    """The parser's message, without its drawing of where it stood: yajl's are three lines."""
    message = error.args[0]
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    what, _, drawing = text.partition("\n")
    near = drawing.partition("\n")[0].strip()
    return what.partition(": ")[2] + (f" near {near!r}" if near else "")
