"""YAML as the events of `events`: aliases and merge keys (`<<: *base`) written out, every scalar as text."""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from app.errors import BadFaqFile
from app.ingest.formats.events import DEEPEST, Events, Pieces, build

_MOST_REPLAYED = 100_000
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # makes text of every value: `No` stays "No"
_MERGE = "<<"


def yaml_events(text: io.TextIOWrapper) -> Events:
    """Every scalar is text, so no version, date or `no` is lost; aliases are written out, within a limit."""
    pieces = Pieces(text)
    try:
        yield from _merged(_Yaml(pieces).events())
    except yaml.YAMLError as error:
        raise BadFaqFile(_yaml_reason(error, pieces)) from error
    except UnicodeError as error:
        raise BadFaqFile(f"line {pieces.line}: not UTF-8 ({error})") from error


def yaml_value(text: str) -> object:
    """A whole small document, such as front matter. Raises BadFaqFile."""
    raw = io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "replace")), "utf-8", newline="")
    events = (event for event in yaml_events(raw) if event[0] != "place")
    for name, value in events:
        return build(name, value, events)
    return None


class _Yaml:
    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._anchors: dict[str, list[tuple[str, Any]] | None] = {}
        self._replayed = 0
        self._depth = 0

    def events(self) -> Events:
        recording: list[tuple[str, int, list[tuple[str, Any]]]] = []
        keys: list[bool | None] = []  # per container: is the next scalar a key? None: in a list
        documents = 0
        for event in yaml.parse(self._pieces, Loader=_LOADER):
            self._pieces.since_event = 0
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                self._anchors.clear()
                if documents > 1:
                    yield "place", f"document {documents}"
                continue
            anchor = getattr(event, "anchor", None)
            alias = isinstance(event, yaml.AliasEvent)
            if anchor and not alias:
                self._anchors[anchor] = None
                recording.append((anchor, len(keys), []))
            for ours in self._ours(event, keys):
                for _, _, recorded in recording:
                    recorded.append(ours)
                    if len(recorded) > _MOST_REPLAYED:
                        raise BadFaqFile(
                            f"line {self._pieces.line}: a YAML anchor of more than {_MOST_REPLAYED:,} nodes"
                        )
                yield ours
            while recording and len(keys) == recording[-1][1]:
                name, _, recorded = recording.pop()
                self._anchors[name] = recorded

    def _ours(self, event: Any, keys: list[bool | None]) -> Events:
        match event:
            case yaml.MappingStartEvent():
                self._not_a_key(event, keys)
                keys.append(True)
                yield "start_map", None
            case yaml.SequenceStartEvent():
                self._not_a_key(event, keys)
                keys.append(None)
                yield "start_array", None
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                keys.pop()
                yield ("end_map" if isinstance(event, yaml.MappingEndEvent) else "end_array"), None
                self._value_ended(keys)
            case yaml.ScalarEvent():
                if keys and keys[-1]:
                    keys[-1] = False
                    yield "map_key", event.value
                    return
                null = event.style is None and event.value in ("", "~", "null", "Null", "NULL")
                if event.style == "":
                    null = event.value in ("", "~", "null", "Null", "NULL")
                yield ("null", None) if null else ("string", event.value)
                self._value_ended(keys)
            case yaml.AliasEvent():
                yield from self._replay(event, keys)
        if len(keys) > DEEPEST:
            raise BadFaqFile(f"line {self._pieces.line}: nested more than {DEEPEST} deep")

    def _replay(self, event: Any, keys: list[bool | None]) -> Events:
        recorded = self._anchors.get(event.anchor)
        if recorded is None:
            line = event.start_mark.line + 1
            raise BadFaqFile(f"line {line}: the YAML alias *{event.anchor} refers to itself or to nothing")
        self._replayed += len(recorded)
        if self._replayed > _MOST_REPLAYED:
            raise BadFaqFile(f"YAML aliases stand for more than {_MOST_REPLAYED:,} nodes")
        if keys and keys[-1]:
            keys[-1] = False
            yield "map_key", str(recorded[0][1])
            return
        yield from recorded
        self._value_ended(keys)

    @staticmethod
    def _not_a_key(event: Any, keys: list[bool | None]) -> None:
        if keys and keys[-1]:
            raise BadFaqFile(f"line {event.start_mark.line + 1}: a key must be text")

    @staticmethod
    def _value_ended(keys: list[bool | None]) -> None:
        if keys and keys[-1] is False:
            keys[-1] = True


def _yaml_reason(error: yaml.YAMLError, pieces: Pieces) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())[:120]
    line = mark.line + 1 if mark else pieces.line
    hint = next((cure for said, cure in _CURES.items() if said in problem), "")
    return f"line {line}: malformed YAML: {problem}{hint}"


_CURES = {
    "mapping values": "; quote text that holds ': ' or ' #'",
    "cannot start any token": "; indent with blanks, not with tabs, and quote text that begins with a sign",
    "unknown escape": "; use single quotes around text with backslashes",
}


class _OpenMap(NamedTuple):
    keys: set[str]
    merged: list[dict[str, list[tuple[str, Any]]]]  # by key the events of its value


def _merged(events: Events) -> Events:
    """Maps with the members that `<<` takes over from others; their own members win, wherever they stand."""
    opened: list[_OpenMap | None] = []  # None: a list
    for name, value in events:
        if name == "start_map":
            opened.append(_OpenMap(set(), []))
        elif name == "start_array":
            opened.append(None)
        elif name == "end_array":
            opened.pop()
        elif name == "map_key" and (here := opened[-1]):
            if value == _MERGE:
                here.merged.extend(_maps(_merged(iter(_value(events)))))
                continue
            here.keys.add(value)
        elif name == "end_map" and (done := opened.pop()):
            for members in done.merged:
                for key, inner in members.items():
                    if key not in done.keys:
                        done.keys.add(key)
                        yield "map_key", key
                        yield from inner
        yield name, value


def _value(events: Events) -> list[tuple[str, Any]]:
    """The events of one value, which have to be kept until its map ends."""
    found: list[tuple[str, Any]] = []
    depth = 0
    for event in events:
        found.append(event)
        if len(found) > _MOST_REPLAYED:
            raise BadFaqFile(f"a YAML merge key takes over more than {_MOST_REPLAYED:,} nodes")
        depth += event[0].startswith("start_")
        depth -= event[0].startswith("end_")
        if not depth:
            break
    return found


def _maps(events: Events) -> Iterator[dict[str, list[tuple[str, Any]]]]:
    """The members of a map, or of each map of a list."""
    for name, _ in events:
        if name == "start_map":
            members = {}
            for event, key in events:
                if event == "end_map":
                    break
                members[key] = _value(events)
            yield members
