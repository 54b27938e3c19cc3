"""JSON, JSON Lines and YAML as one stream of events, so that one reader knows their shapes.

The events are ijson's: start_map, map_key, end_map, start_array, end_array, string, number, boolean, null.
Two are ours: ("place", "line 7") before a value of its own, ("bad", reason) where a line cannot be read.
"""

import io
from collections.abc import Iterator
from typing import Any

import ijson  # type: ignore[import-untyped]
import orjson

from app.errors import BadFaqFile
from app.ingest.formats.encoding import LONGEST_LINE, lines_of

_LONGEST_VALUE = LONGEST_LINE
DEEPEST = 100
TWICE = "\ufdd5"  # a key that no file has: the cleaning takes this character out


Events = Iterator[tuple[str, Any]]


class Pieces:
    """What a parser reads from: a line at most each time, so that `line` is where it failed, and never
    more for one value than the limit."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.line = 1
        self.since_event = 0
        self._text = text
        self._line_ended = False

    def read(self, size: int = 65536) -> bytes:
        if not size:  # ijson asks so what it will be given
            return b""
        piece = self._text.readline(max(1, size // 4))
        self.since_event += len(piece)
        if self.since_event > _LONGEST_VALUE:
            raise BadFaqFile(f"line {self.line}: a value is longer than {_LONGEST_VALUE:,} characters")
        if piece:
            self.line += self._line_ended
            self._line_ended = piece.endswith("\n")
        return piece.encode("utf-8", "replace")


class MalformedJson(BadFaqFile):
    """The text is not JSON, or not strictly so."""


def json_events(text: io.TextIOWrapper, *, several: bool = False) -> Events:
    """Of one value, or of several, one after another. Raises MalformedJson with the line."""
    pieces = Pieces(text)
    try:
        # as floats: only whole numbers are ever used, and a Decimal may be endless
        for event in ijson.basic_parse(pieces, use_float=True, multiple_values=several):
            pieces.since_event = 0
            yield event
    except ijson.JSONError as error:
        raise MalformedJson(f"line {pieces.line}: malformed JSON: {_reason(error)}") from error
    except UnicodeError as error:
        raise BadFaqFile(f"line {pieces.line}: not UTF-8 ({error})") from error


def json_events_of(text: str) -> Events:
    """Of text that was made strict: programs also write one value after another."""
    file = io.BytesIO(text.encode("utf-8", "replace"))
    return json_events(io.TextIOWrapper(file, "utf-8", newline=""), several=True)


def is_json_lines(text: io.TextIOWrapper) -> bool:
    """Whether a file named .json holds an object a line."""
    objects = 0
    try:
        for line in (text.readline(LONGEST_LINE) for _ in range(5)):
            if not line.strip():
                continue
            if not line.startswith("{") or not isinstance(orjson.loads(line), dict):
                return False
            objects += 1
            if objects == 2:
                return True
    except (UnicodeError, orjson.JSONDecodeError):
        pass  # the reader says where
    return False


def json_lines_events(text: io.TextIOWrapper) -> Events:
    """One value per line; an invalid line is reported as bad, and the next one read.

    Lines that are lists of cells are one list: a table.
    """
    in_table: bool | None = None
    for number, line in enumerate(lines_of(text), 1):
        if not line.strip():
            continue
        yield "place", f"line {number}"
        try:
            value = orjson.loads(line.lstrip("\ufeff"))
        except orjson.JSONDecodeError as error:
            yield "bad", f"malformed JSON: {str(error).rpartition(': line ')[0] or error}"
            continue
        if in_table is None and (in_table := _is_row(value)):
            yield "start_array", None
        for one in chat_turns(value):
            yield from _value_events(one)
    if in_table:
        yield "end_array", None


def chat_turns(value: object) -> Iterator[object]:
    """Each question and answer of a conversation, as models are trained with; anything else as it is."""
    turns = (value.get("messages") or value.get("conversations")) if isinstance(value, dict) else None
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        yield value
        return
    asked = ""
    found = False
    for turn in turns:
        role, said = turn.get("role") or turn.get("from"), turn.get("content") or turn.get("value")
        if role in ("user", "human"):
            asked = said
        elif role in ("assistant", "gpt", "model") and asked:
            yield {"question": asked, "answer": said}
            asked, found = "", True
    if not found:
        yield value


def _is_row(value: object) -> bool:
    return isinstance(value, list) and len(value) > 1 and not any(isinstance(c, list | dict) for c in value)


def _value_events(value: object) -> Events:
    match value:
        case dict():
            yield "start_map", None
            for key, inner in value.items():
                yield "map_key", key
                yield from _value_events(inner)
            yield "end_map", None
        case list():
            yield "start_array", None
            for inner in value:
                yield from _value_events(inner)
            yield "end_array", None
        case None:
            yield "null", None
        case bool():
            yield "boolean", value
        case int() | float():
            yield "number", value
        case _:
            yield "string", value


def build(name: str, value: Any, events: Events, depth: int = 0) -> object:
    """The value whose first event this is, read to its end; `TWICE` names a key that an object has twice."""
    if depth > DEEPEST:
        raise BadFaqFile(f"nested more than {DEEPEST} deep")
    if name == "start_map":
        found: dict[str, object] = {}
        for inner, key in events:
            if inner == "end_map":
                break
            if key in found:
                found[TWICE] = key
            found[key] = build(*next(events), events, depth + 1)
        return found
    if name == "start_array":
        items = []
        for inner, item in events:
            if inner == "end_array":
                break
            items.append(build(inner, item, events, depth + 1))
        return items
    return value


def _reason(error: ijson.JSONError) -> str:
    """The parser's message, without its drawing of where it stood: yajl's are three lines."""
    message = error.args[0]
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    what, _, drawing = text.partition("\n")
    near = drawing.partition("\n")[0].strip()
    return what.partition(": ")[2] + (f" near {near!r}" if near else "")
