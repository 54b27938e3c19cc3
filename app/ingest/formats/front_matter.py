"""Front matter: the YAML (or TOML) between two lines of dashes at the top of a document."""

import tomllib
from dataclasses import dataclass, field

import orjson

from app.errors import BadFaqFile
from app.ingest.column_aliases import plain_name
from app.ingest.formats.articles import is_draft
from app.ingest.formats.yaml_events import yaml_value
from app.ingest.report import Notes

_LONGEST = 500  # lines
_FIELDS = {
    "question": ("question", "frage", "pregunta", "q"),
    "answer": ("answer", "antwort", "respuesta"),
    "id": ("id", "faq_id", "uid"),
    "collection": ("collection", "course", "category", "categories", "kategorie", "product"),
    "section": ("section", "topic", "group", "subcategory"),
    "url": ("url", "canonical_url", "permalink", "link"),
}


@dataclass(frozen=True)
class FrontMatter:
    fields: dict[str, object] = field(default_factory=dict)
    title: str = ""
    is_draft: bool = False
    records: str = ""  # JSON of all of it, where it has a list of objects: questions, perhaps


def split(text: str, notes: Notes) -> tuple[FrontMatter, str, int]:
    """(front matter, the text below it, how many lines were above that)"""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    fence = text[:3]
    if fence not in ("---", "+++") or text[3 : text.find("\n")].strip():
        return FrontMatter(), text, 0
    lines = text.split("\n")
    closing = (fence, "...") if fence == "---" else (fence,)
    end = next((n for n, line in enumerate(lines[1:_LONGEST], 1) if line.rstrip() in closing), None)
    if end is None:
        return FrontMatter(), text, 0
    body = "\n".join(lines[end + 1 :])
    try:
        inside = "\n".join(lines[1:end])
        found = yaml_value(inside) if fence == "---" else tomllib.loads(inside)
    except (BadFaqFile, tomllib.TOMLDecodeError) as error:
        loose = _loose(lines[1:end])
        if not loose:
            notes.warnings.append(f"front matter that cannot be read: {error}")
        return _front(loose), body, end + 1
    return _front(found if isinstance(found, dict) else {}), body, end + 1


def names_question(front: FrontMatter) -> bool:
    return bool(front.fields.get("question"))


def _front(found: dict[str, object]) -> FrontMatter:
    plain = {plain_name(str(key)): value for key, value in found.items()}
    fields: dict[str, object] = {}
    for name, keys in _FIELDS.items():
        for key in keys:
            value = plain.get(plain_name(key))
            if isinstance(value, list) and value and name in ("collection", "section"):
                value = value[0]
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if isinstance(value, str) and value.strip():
                fields[name] = value.strip()
                break
    title = plain.get("title") or plain.get("titel") or plain.get("sidebar label")
    listed = any(isinstance(value, list) and value and isinstance(value[0], dict) for value in found.values())
    records = orjson.dumps(found, default=str).decode() if listed else ""
    return FrontMatter(fields, title.strip() if isinstance(title, str) else "", is_draft(found), records)


def _loose(lines: list[str]) -> dict[str, object]:
    """`key: value` lines, for front matter that is not quite YAML: a colon in a title is enough."""
    found: dict[str, object] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key and not key[0].isspace() and value.strip():
            found[key.strip()] = value.strip().strip("'\"")
    return found
