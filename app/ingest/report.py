"""What an ingest found: per file what was read, what was not, and every record that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain import FaqEntry

_LONGEST_SNIPPET = 60
_MOST_SNIPPETS = 3


@dataclass
class Notes:
    """What a reader reports about one file while it yields records."""

    shape: str = ""  # "table, delimiter ;, windows-1252"
    skipped: int = 0  # drafts and what is not published
    unused: int = 0  # lines (documents) or objects (JSON, YAML) that are in no entry
    total: int = 0  # of those there are; 0 where nothing can be left out
    unused_unit: str = "lines"
    empty: bool = False  # a document that is front matter alone, or nothing
    first_unused: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)  # read off headings, where these were guessed
    cure: str = ""  # which flag helps when too little was used
    warnings: list[str] = field(default_factory=list)
    html_answers: int = 0
    control_characters: int = 0
    dropped_links: int = 0
    dropped_urls: int = 0
    unlabelled: int = 0
    labelled: int = 0

    @property
    def share(self) -> float:
        """How much of the file was used, 0–1."""
        return 1 - self.unused / self.total if self.total else 1.0

    def leave_out(self, lines: int, place: str, text: str = "") -> None:
        self.unused += lines
        if len(self.first_unused) < _MOST_SNIPPETS:
            short = " ".join(text.split())[:_LONGEST_SNIPPET]
            self.first_unused.append(f"{place}: {short!r}" if short else place)

    def findings(self, collection: str) -> list[str]:
        """What the user should know, a sentence each."""
        said = list(self.warnings)
        if self.unused:
            said.append(
                f"{self.unused} of {self.total} {self.unused_unit} are in no entry; "
                f"{'; '.join(self.first_unused)}"
            )
        if self.skipped:
            said.append(f"{self.skipped} drafts or unpublished records were skipped")
        if self.html_answers:
            said.append(f"the HTML of {self.html_answers} answers became Markdown")
        if self.control_characters:
            said.append(f"control characters were taken out of {self.control_characters} fields")
        if self.dropped_links:
            said.append(
                f"{self.dropped_links} relative links are words only; resolve them with --base-url URL"
            )
        if self.dropped_urls:
            said.append(
                f"{self.dropped_urls} records lost a url that is not http(s)://…; "
                "--base-url URL resolves relative ones"
            )
        if self.unlabelled and self.labelled:
            said.append(
                f"{self.unlabelled} records name no collection: they are in {collection!r} "
                "(--collection names it)"
            )
        return said


@dataclass(frozen=True)
class BadRecord:
    file: str
    place: str
    reason: str
    field: str | None = None
    key: tuple[str, str] | None = None  # (collection, id), where the record names its id
    kept: bool = False  # the serving version's entry of that key goes on

    def __str__(self) -> str:
        kept = "; the entry that is published now stays" if self.kept else ""
        return f"{self.file}, {self.place}: {self.reason}{kept}"


@dataclass
class FileReport:
    file: str
    notes: Notes
    collection: str = ""
    read: int = 0  # records, those that are wrong among them
    bad: int = 0
    samples: list[FaqEntry] = field(default_factory=list)  # the first entries, as they will be
    passed_over: str = ""  # why nothing was read, for a file of a folder

    @property
    def findings(self) -> Sequence[str]:
        return self.notes.findings(self.collection)
