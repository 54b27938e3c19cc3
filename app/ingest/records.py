"""From what a file holds to an entry: the rules for each field."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from app.domain import FaqEntry
from app.errors import BadFaqFile
from app.ingest.cleaning import (
    decoded,
    has_html,
    is_escaped_html,
    markdown_of,
    plain_question,
    settled,
    web_address,
    whole_links,
)
from app.ingest.formats.embedded_html import plain_markdown
from app.ingest.report import Notes

MOST_CHARACTERS = {"question": 2_000, "answer": 64_000} | dict.fromkeys(
    ("id", "collection", "section", "url"), 512
)
_MOST_CLEANINGS = 5
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as its file has it, by our names of the fields."""

    fields: Mapping[str, object]
    place: str  # within the file: "record 12", "line 7"
    markdown: bool = False  # what looks like HTML is meant so, and stays
    exact: bool = False  # written by askd: nothing is to be cleaned
    names: Mapping[str, str] = field(default_factory=dict)  # our field -> the file's name of it


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that cannot be published. `records` is how many were lost to it."""

    place: str
    reason: str
    field: str | None = None
    id: str | None = None
    collection: str | None = None
    records: int = 1


class _Wrong(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def entry_of(raw: Raw, *, collection: str, base_url: str | None, notes: Notes) -> FaqEntry | Bad:
    """The entry; `collection` labels it when the record names none. What was cleaned goes into `notes`."""
    try:
        given = {name: text for name in MOST_CHARACTERS if (text := _text(name, raw, notes))}
        for name in ("question", "answer"):
            if name not in given:
                raise _Wrong(name, f"{raw.names.get(name, name)} is missing or empty")
        if not raw.exact:
            _clean(given, raw, base_url, notes)
        for name, text in given.items():
            if len(text) > MOST_CHARACTERS[name]:
                reason = f"has {len(text):,} characters; the most is {MOST_CHARACTERS[name]:,}"
                raise _Wrong(name, f"{raw.names.get(name, name)} {reason}")
    except _Wrong as wrong:
        id_, named = (_loosely(raw.fields.get(name)) for name in ("id", "collection"))
        return Bad(raw.place, str(wrong), wrong.field, id_, named or collection)
    notes.labelled += "collection" in given
    if "collection" not in given:
        notes.unlabelled += 1
        given["collection"] = collection
    return FaqEntry(**{"id": _derived_id(given), **given})


def kind(value: object) -> str:
    """What a value is, in a user's words."""
    return "null" if value is None else _KINDS.get(type(value), "text")


def _text(name: str, raw: Raw, notes: Notes) -> str:
    value = raw.fields.get(name)
    if value is None:
        return ""
    if name == "id" and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise _Wrong(name, f"{raw.names.get(name, name)} must be text, not {kind(value)}")
    if len(value) > 20 * MOST_CHARACTERS[name]:  # before work is spent on it
        most = MOST_CHARACTERS[name]
        raise _Wrong(name, f"{raw.names.get(name, name)} has {len(value):,} characters; the most is {most:,}")
    text, odd = settled(value)
    notes.control_characters += odd
    return text


def _clean(given: dict[str, str], raw: Raw, base_url: str | None, notes: Notes) -> None:
    with _wrong_where_unreadable("question", raw):
        question = _steady(given["question"], plain_question)
    with _wrong_where_unreadable("answer", raw):
        answer = given["answer"]
        if raw.markdown:
            answer = _steady(answer, plain_markdown)
        elif has_html(answer) or is_escaped_html(answer):
            answer = _steady(answer, markdown_of)
            notes.html_answers += 1
        else:
            answer = _steady(answer, decoded)
    answer, dropped = whole_links(answer, base_url)
    notes.dropped_links += dropped
    for name, text in (("question", question), ("answer", answer)):
        if not text.strip():
            raise _Wrong(name, f"{raw.names.get(name, name)} holds no text but markup")
        given[name] = settled(text)[0]
    for name in ("collection", "section"):
        if name in given:
            given[name] = decoded(given[name]).strip()
    if "url" in given:
        if url := web_address(given["url"], base_url):
            given["url"] = url
        else:
            del given["url"]
            notes.dropped_urls += 1


@contextmanager
def _wrong_where_unreadable(name: str, raw: Raw) -> Iterator[None]:
    """HTML that cannot be converted makes its record invalid, not the file."""
    try:
        yield
    except BadFaqFile as error:
        raise _Wrong(name, f"{raw.names.get(name, name)}: {error}") from error


def _steady(text: str, clean: Callable[[str], str]) -> str:
    """Cleaned until nothing changes, so that what is exported comes back the same."""
    for _ in range(_MOST_CLEANINGS):
        cleaned = settled(clean(text))[0]
        if cleaned == text:
            break
        text = cleaned
    return text


def _loosely(value: object) -> str | None:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else None


def _derived_id(given: Mapping[str, str]) -> str:
    """From the content alone, so that the same file gives the same ids, wherever its records stand."""
    content = (given.get(name, "") for name in ("collection", "section", "question", "answer"))
    return sha256("\x1f".join(content).encode()).hexdigest()[:12]
