"""Questions to evaluate with: CSV or JSON Lines, checked against the FAQ they will be put to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.domain import FaqEntry, Turn
from app.errors import BadFaqFile
from app.ingest.formats.encoding import lines_of, text_of
from app.ingest.formats.events import Events, build, json_lines_events
from app.ingest.formats.tables import Row, csv_rows
from app.ingest.records import Raw, kind
from app.ingest.report import Notes
from app.ranking.text import composed, normalised_question

# Collection and normalised question: entries that share both answer the same and take one place.
Place = tuple[str, str]
_LONGEST_QUESTION = 8_000


def place_of(entry: FaqEntry) -> Place:
    return entry.collection, normalised_question(entry.question)


class Catalogue:
    """The FAQ under evaluation: where its entries stand."""

    def __init__(self, entries: Iterable[FaqEntry]) -> None:
        self._entries: dict[Place, list[FaqEntry]] = {}
        self._places: dict[str, dict[str, Place]] = {}  # by id, then by collection
        for entry in entries:
            self._entries.setdefault(place_of(entry), []).append(entry)
            self._places.setdefault(entry.id, {})[entry.collection] = place_of(entry)
        self.collections: Sequence[str] = sorted({collection for collection, _ in self._entries})

    def __contains__(self, place: Place) -> bool:
        return place in self._entries

    def entries(self) -> Sequence[FaqEntry]:
        return [entry for entries in self._entries.values() for entry in entries]

    def at(self, place: Place) -> Sequence[FaqEntry]:
        return self._entries[place]

    def places(self, id_: str) -> Mapping[str, Place]:
        """Where an id stands, by collection; empty when there is none."""
        return self._places.get(id_, {})


@dataclass(frozen=True, slots=True)
class Case:
    """A question to put to the FAQ; any of the `gold` places answers it, without one nothing does."""

    text: str
    collection: str | None = None  # to search in; None: in all
    gold: frozenset[Place] = field(default_factory=frozenset)
    history: tuple[Turn, ...] = ()  # the conversation before it

    @property
    def home(self) -> str | None:
        """The collection that holds the answer."""
        return min(self.gold)[0] if self.gold else None


def read_cases(path: Path, catalogue: Catalogue) -> Sequence[Case]:
    """The questions of a file, in its order: `question`, the entry that answers it (`document` or `id`,
    several with `|` between them) and perhaps `collection` or `course`; other columns are skipped.

    A question that names no entry is one the FAQ does not answer. Raises BadFaqFile with file, line
    and field at the first record that is wrong, or when there is none.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise BadFaqFile(f"{path}: not a file of questions; askd reads {', '.join(_READERS)}")
    try:
        with path.open("rb") as file:
            cases = [_case(raw, catalogue) for raw in read(file)]
    except OSError as error:
        raise BadFaqFile(f"{path}: {error.strerror}") from error
    except BadFaqFile as error:
        raise BadFaqFile(f"{path}, {error}") from error
    if not cases:
        raise BadFaqFile(f"{path}: no questions")
    return cases


def read_answerable(path: Path, catalogue: Catalogue) -> Sequence[Case]:
    """The questions of a file that name an entry. Raises BadFaqFile, also when there is none."""
    cases = [case for case in read_cases(path, catalogue) if case.gold]
    if not cases:
        raise BadFaqFile(f"{path}: no question names the entry that answers it (document or id)")
    return cases


def read_unanswerable(paths: Sequence[Path], catalogue: Catalogue) -> Sequence[Case]:
    """The questions of all files that name none, each once. Raises BadFaqFile, also when there is none."""
    cases = [case for path in paths for case in read_cases(path, catalogue) if not case.gold]
    if not cases:
        raise BadFaqFile(f"{paths[-1]}: every question names an entry: none is unanswerable")
    return list(dict.fromkeys(cases))


def _json_lines(file: BinaryIO) -> Iterator[Raw]:
    with text_of(file, "utf-8-sig", Notes()) as text:
        yield from _of_events(json_lines_events(text))


def _of_events(events: Events) -> Iterator[Raw]:
    place = ""
    for name, value in events:
        if name == "place":
            place = value
        elif name == "bad":
            raise BadFaqFile(f"{place}: {value}")
        elif not isinstance(record := build(name, value, events), dict):
            raise BadFaqFile(f"{place}: must be an object, not {kind(record)}")
        else:
            yield Raw(record, place)


def _csv(file: BinaryIO) -> Iterator[Raw]:
    with text_of(file, "utf-8-sig", Notes()) as text:
        yield from _of_rows(csv_rows(lines_of(text), ","))


def _of_rows(rows: Iterable[Row]) -> Iterator[Raw]:
    header: list[str] | None = None
    for row in rows:
        if row.cells is None:
            raise BadFaqFile(f"{row.place}: {row.reason}")
        if not any(map(str.strip, row.cells)):
            continue
        if header is None:
            header = [name.strip() for name in row.cells]
            if "question" not in header:
                raise BadFaqFile(f"{row.place}: the header names no column question")
        elif len(row.cells) != len(header):
            raise BadFaqFile(f"{row.place}: {len(row.cells)} columns where the header has {len(header)}")
        else:
            yield Raw(dict(zip(header, row.cells, strict=True)), row.place)


_READERS: Mapping[str, Callable[[BinaryIO], Iterator[Raw]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}


def _case(raw: Raw, catalogue: Catalogue) -> Case:
    text = composed(_text(raw, "question"))
    if not text:
        raise BadFaqFile(f"{raw.place}: question is missing or empty")
    if len(text) > _LONGEST_QUESTION:
        raise BadFaqFile(f"{raw.place}: question has more than {_LONGEST_QUESTION:,} characters")
    collection = _text(raw, "collection", "course") or None
    if collection is not None and collection not in catalogue.collections:
        raise BadFaqFile(
            f"{raw.place}: collection {collection} is not in the FAQ; "
            f"there are: {', '.join(catalogue.collections)}"
        )
    ids = filter(None, map(str.strip, _text(raw, "document", "id").split("|")))
    return Case(text, collection, frozenset(_place(id_, collection, raw, catalogue) for id_ in ids))


def _place(id_: str, collection: str | None, raw: Raw, catalogue: Catalogue) -> Place:
    column = "document" if raw.fields.get("document") else "id"
    places = catalogue.places(id_)
    if collection is not None:
        places = {name: place for name, place in places.items() if name == collection}
    if not places:
        where = f"collection {collection}" if collection else "the FAQ"
        raise BadFaqFile(f"{raw.place}: {column} {id_} is not in {where}")
    if len(places) > 1:
        raise BadFaqFile(
            f"{raw.place}: {column} {id_} is in several collections ({', '.join(sorted(places))}); "
            "name the collection, too"
        )
    return next(iter(places.values()))


def _text(raw: Raw, *names: str) -> str:
    """The value of the field that has these names; empty when it has none."""
    found = ""
    for name in names:
        value = raw.fields.get(name)
        if type(value) is int:
            value = str(value)
        if not isinstance(value, str | None):
            raise BadFaqFile(f"{raw.place}: {name} must be text, not {kind(value)}")
        text = (value or "").strip()
        if text and found and text != found:
            raise BadFaqFile(f"{raw.place}: {' and '.join(names)} are the same field, but differ")
        found = found or text
    return found
