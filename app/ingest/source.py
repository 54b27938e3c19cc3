"""One FAQ file to read, wherever it was found."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

# What a repository holds beside its FAQ: read only where it leaves no doubt.
_HOUSEKEEPING = frozenset({"readme", "contributing", "license", "licence", "changelog", "code_of_conduct"})
_HOUSEKEEPING |= {"agents", "claude", "authors", "maintainers", "notice", "governance", "robots", "changes"}
# In small letters they are topics of an FAQ, too.
_IN_CAPITALS = frozenset({"SECURITY", "HISTORY", "NEWS", "TODO", "REQUIREMENTS"})

_TEMPLATES = frozenset(
    f"{before}{between}template" if before else "template"
    for before in ("", "faq", "question", "entry", "faq_entry", "article")
    for between in ("", "-", "_")
)


@dataclass(frozen=True)
class Source:
    """One file to read. `inside` is its path within the folder or archive it was found in, if in one."""

    name: str
    format: str
    open: Callable[[], BinaryIO] = field(repr=False)
    inside: PurePosixPath | None = None
    collection: str = ""  # what the folders say of a file that is one entry
    section: str = ""
    folder_of_entries: str = ""  # by which key most documents of the folder are one entry: question, title

    @property
    def stem(self) -> str:
        name = PurePosixPath(self.name).name
        stem = name.removesuffix(".gz").rpartition(".")[0] or name
        return without_notion_id(stem) if self.name != "-" else "faq"

    @property
    def needs_certainty(self) -> bool:
        is_housekeeping = self.stem.lower().replace("-", "_") in _HOUSEKEEPING or self.stem in _IN_CAPITALS
        return is_housekeeping or self.name.lower().endswith(".txt")

    @property
    def is_template(self) -> bool:
        """Whether a file of a folder is the form that new entries are made from."""
        return self.inside is not None and self.stem.lower().strip("_.- ") in _TEMPLATES


def without_notion_id(name: str) -> str:
    """Notion ends the names of what it exports with an id."""
    return re.sub(r"[ -][0-9a-f]{32}$", "", name)
