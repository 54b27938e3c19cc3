"""From what a file holds to an entry: the rules for each field."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from app.domain import FaqEntry
from app.errors import BadFaqFile

_OTHER_NAMES = {"text": "answer", "course": "collection"}
_MOST_CHARACTERS = {"question": 2_000, "answer": 64_000} | dict.fromkeys(
    ("id", "collection", "section", "url"), 512
)
COLLECTION_KEYS = frozenset({"collection", "course"})
RECORD_KEYS = frozenset({*_MOST_CHARACTERS, *_OTHER_NAMES})

# Control characters but tab and line ends, and surrogates, which a file name can bring in.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as its file has it; `group` holds what was said once for many records."""

    fields: Mapping[str, object]
    place: str  # within the file: "record 12", "line 7"
    group: Mapping[str, object] = field(default_factory=dict)

    @property
    def unknown(self) -> set[str]:
        return (self.fields.keys() - RECORD_KEYS) | (self.group.keys() - COLLECTION_KEYS)


def entry_of(raw: Raw, *, collection: str | None) -> FaqEntry:
    """The entry; `collection` labels it when neither record nor group names one. Raises BadFaqFile."""
    named_by_group = {key: raw.group[key] for key in raw.group.keys() & COLLECTION_KEYS}
    given: dict[str, str] = {}
    for fields in ({"collection": collection}, named_by_group, raw.fields):
        given |= _texts(fields, raw.place)
    for name in ("question", "answer"):
        if name not in given:
            raise BadFaqFile(f"{raw.place}: {name} is missing or empty")
    if "collection" not in given:
        raise BadFaqFile(f"{raw.place}: collection is missing; name it in the file or give --collection")
    if "url" in given and not _WEB_ADDRESS.fullmatch(given["url"]):
        raise BadFaqFile(f"{raw.place}: url must begin with http:// or https:// and hold no spaces")
    return FaqEntry(**{"id": _derived_id(given), **given})


def kind(value: object) -> str:
    """What a value is, in a user's words."""
    return "null" if value is None else _KINDS.get(type(value), "text")


def _texts(fields: Mapping[str, object], place: str) -> dict[str, str]:
    """The known fields that are not empty, by our names."""
    texts: dict[str, str] = {}
    for key, value in fields.items():
        if key not in RECORD_KEYS:
            continue
        text = _text(key, value, place)
        name = _OTHER_NAMES.get(key, key)
        if text and texts.setdefault(name, text) != text:
            other = next(other for other, ours in _OTHER_NAMES.items() if ours == name)
            raise BadFaqFile(f"{place}: {name} and {other} are the same field, but differ")
    return texts


def _text(key: str, value: object, place: str) -> str:
    if value is None:
        return ""
    if key == "id" and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise BadFaqFile(f"{place}: {key} must be text, not {kind(value)}")
    most = _MOST_CHARACTERS[_OTHER_NAMES.get(key, key)]
    text = value.strip()
    if len(text) > most:
        raise BadFaqFile(f"{place}: {key} has {len(text):,} characters; the most is {most:,}")
    if found := _NO_TEXT.search(value):
        raise BadFaqFile(f"{place}: {key} holds the control character U+{ord(found[0]):04X}")
    # One form of line ends and of accents, so that the same text gives the same id on every system.
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def _derived_id(given: Mapping[str, str]) -> str:
    """From the content alone, so that the same file gives the same ids, wherever its records stand."""
    content = (given.get(name, "") for name in ("collection", "section", "question", "answer"))
    return sha256("\x1f".join(content).encode()).hexdigest()[:12]
