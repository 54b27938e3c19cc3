"""What exports of help centres and sites have in common: Zendesk, Intercom, Freshdesk, Confluence,
WordPress, and schema.org's FAQPage."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.ingest.column_aliases import MANY_ANSWERS, plain_name

# Keys that say nothing of the records below them, so they name no section.
CONTAINERS = frozenset(
    {
        *("", "[]", "faq", "faqs", "articles", "article", "data", "results", "result", "items", "documents"),
        *("questions", "entries", "records", "rows", "list", "pages", "page", "posts", "hits", "content"),
        *("mainEntity", "@graph", "sections", "categories", "category", "folders", "folder", "all_folders"),
        *("collections", "topics", "groups", "children", "docs", "response", "body", "payload", "value"),
        *(
            "value",
            "values",
            "qa",
            "qas",
            "qna",
            "qnas",
            "qnaList",
            "qnaDocuments",
            "intents",
            "paragraphs",
            "knowledge_base",
            "nodes",
            "edges",
            "node",
        ),
        *("hasPart", "itemListElement", "item", "fields", "solutions", "_source", "export", "root"),
    }
)
# Lists that stand beside the articles and name their sections.
LOOKUPS = {
    "sections": "section",
    "folders": "section",
    "categories": "collection",
    "collections": "collection",
    "spaces": "collection",
    "topics": "section",
}
# Lists of what no FAQ entry is.
NEVER = frozenset(
    {"users", "tags", "labels", "authors", "author", "translations", "comments", "attachments", "teammates"}
)
_LOOKUP_KEYS = {
    "section": ("section_id", "folder_id", "parent_id", "topic_id"),
    "collection": ("category_id", "collection_id", "space_id", "spaceId", "parent_id"),
}
_UNPUBLISHED = frozenset(
    {
        "draft",
        "unpublished",
        "notpublished",
        "not published",
        "not_published",
        "archived",
        "trashed",
        "trash",
        "deleted",
        "private",
        "pending",
        "hidden",
        "inactive",
    }
)
_UNPUBLISHED |= {"entwurf", "borrador", "brouillon", "bozza", "rascunho", "черновик"}
_SAYS_PUBLISHED = ("published", "is published", "active", "is active")
_SAYS_UNPUBLISHED = (
    *(
        "draft",
        "is draft",
        "archived",
        "is archived",
        "unpublished",
        "deleted",
        "is deleted",
        "hidden",
        "trashed",
    ),
)
# ISO 639-1's languages, and a country: "en", "en-US"
_LANGUAGE = re.compile(
    "(?:a[abefkmnrsvyz]|b[aeghimnors]|c[aehorsuvy]|d[aevz]|e[elnostu]|f[afijory]|g[adlnuv]"
    "|h[aeiortuyz]|i[adegikostu]|j[av]|k[agijklmnorsuvwy]|l[abginotuv]|m[ghiklnrsty]|n[abdeglnorvy]|o[cjmrs]"
    "|p[ailst]|qu|r[mnouw]|s[acdegiklmnoqrstuvw]|t[aeghiklnorstwy]|u[gkrz]|v[eio]|w[ao]|xh|y[io]|z[ahu])"
    "(?:[-_][A-Za-z]{2,4})?"
)
_KEYS_TOO = frozenset({"id", "to", "is", "or", "as", "ie", "na", "my"})  # no languages without a country
_INNER = (
    "text",
    "storage",
    "view",
    "export_view",
    "value",
    "html",
    "markdown",
    "body",
    "content",
    "rendered",
    "name",
    "plain",
)


_CHOICES = MANY_ANSWERS | {"accepted answer", "suggested answer"}
_LANGUAGE_KEYS = frozenset({"lang", "language", "langcode", "locale"})
_FRESHDESKS = frozenset({"folder id", "agent id", "description text"})
_WHEN_PUBLISHED = ("published at", "first published at")


def is_draft(record: Mapping[str, Any]) -> bool:
    """Whether a help centre would not show it."""
    plain = {plain_name(key): value for key, value in record.items()}
    for key in ("status", "state", "visibility"):
        value = plain.get(key)
        if isinstance(value, str) and value.strip().casefold() in _UNPUBLISHED:
            return True
        if key == "status" and value in (1, "1") and plain.keys() & _FRESHDESKS:
            return True  # Freshdesk: 1 is a draft, 2 is published
    if any(key in plain and plain[key] is None for key in _WHEN_PUBLISHED):
        return True  # Strapi
    return any(_says(plain.get(key)) is False for key in _SAYS_PUBLISHED) or any(
        _says(plain.get(key)) is True for key in _SAYS_UNPUBLISHED
    )


def _says(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {0: False, 1: True}.get(value)
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return words.get(value.strip().casefold()) if isinstance(value, str) else None


def text_of(value: object, field: str, depth: int = 0) -> object:
    """The text of `{"text": …}`, `{"storage": {"value": …}}`, `{"rendered": …}` and their like."""
    if depth > 4:
        return value
    if isinstance(value, dict):
        if not value:
            return value
        for key in _INNER:
            if key in value and value[key] not in (None, ""):
                return text_of(value[key], field, depth + 1)
        if field in ("section", "collection"):
            return text_of(value.get("title"), field, depth + 1)
        (language, inner), *others = value.items()
        if not others and _is_language(language) and isinstance(inner, str | dict | list):
            return text_of(inner, field, depth + 1)
        return value
    if isinstance(value, list):
        if field == "answer" and value and isinstance(value[0], dict):
            texts = [text_of(part, field, depth + 1) for part in value]
            # a block without a text makes the record wrong, rather than its answer short
            return texts[0] if len(texts) == 1 else paragraphs(texts) or value
        if depth and field == "answer" and (joined := paragraphs(value)):
            return joined
        if field in ("section", "collection"):
            return value[0] if value and isinstance(value[0], str) else None
    if field == "id" and isinstance(value, float) and value.is_integer():
        return value
    if field in ("section", "collection", "url") and not isinstance(value, str):
        return (
            str(value) if isinstance(value, int) and not isinstance(value, bool) and field != "url" else value
        )
    return value


def alternatives(value: object, name: str) -> Sequence[object]:
    """The answers that a list offers to choose from, rather than the blocks of one: SQuAD's, schema.org's,
    or one for each language. Empty where it is no such list."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return []
    is_choice = plain_name(name) in _CHOICES or all(_LANGUAGE_KEYS & one.keys() for one in value)
    return value if is_choice else []


def paragraphs(value: object) -> str:
    """The texts of a list of nothing else, one below the other."""
    is_texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return "\n\n".join(value) if isinstance(value, list) and is_texts else ""


def _is_language(key: str) -> bool:
    """Whether this is the key of Contentful's `{"en-US": …}`."""
    return _LANGUAGE.fullmatch(key) is not None and key not in _KEYS_TOO


def lookup_fields(
    record: Mapping[str, Any],
    lookups: Mapping[str, Mapping[str, str]],
    categories: Mapping[str, str],
    base: str | None,
) -> dict[str, object]:
    """Section and collection by their ids, and Confluence's address, which is in two pieces."""
    found: dict[str, object] = {}
    for field, keys in _LOOKUP_KEYS.items():
        for key in keys:
            if (value := record.get(key)) is not None and (name := lookups.get(field, {}).get(str(value))):
                found.setdefault(field, name)
            if field == "section" and value is not None and (category := categories.get(str(value))):
                found.setdefault("collection", lookups.get("collection", {}).get(category))
    links = record.get("_links")
    if isinstance(links, dict) and isinstance(links.get("webui"), str):
        found["url"] = (links.get("base") or base or "") + links["webui"]
    space = record.get("space")
    if isinstance(space, dict) and isinstance(space.get("name"), str):
        found.setdefault("collection", space["name"])
    return found
