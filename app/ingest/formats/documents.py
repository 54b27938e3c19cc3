"""Markdown documents, each by the shapes that it is written in: detected, unless --shape names one."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.errors import BadFaqFile
from app.ingest.column_aliases import Names
from app.ingest.formats.blocks import Block, Document
from app.ingest.formats.comments import without_comments
from app.ingest.formats.dialects import closed_code, plain_markdown, without_jsx
from app.ingest.formats.entries import is_written_by_askd, read_entries
from app.ingest.formats.found import Found
from app.ingest.formats.front_matter import FrontMatter, names_question, split
from app.ingest.formats.headings import find_headings
from app.ingest.formats.marked import find_bold, find_details, find_lines, find_marked
from app.ingest.formats.questions import (
    answered,
    asks,
    is_section_title,
    marked,
    surely_answered,
    unmarked_answer,
)
from app.ingest.formats.references import References, resolved, without_way_up
from app.ingest.formats.site_generators import MARK, plain_lines
from app.ingest.formats.structures import find_definitions, find_lists, find_tables
from app.ingest.records import Bad, Raw
from app.ingest.report import Notes

SHAPES = (
    *("auto", "front-matter", "headings", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("qa", "bold", "details", "table", "definitions", "list", "lines", "entries"),
)
_TOC = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+\[[^\]]*\]\([^)]*\)\s*$")
_NO_TEXT = re.compile(
    r"(?:([-*_=])(?:\s*\1){2,}|[-*+] TOC|\[\[?_?TOC_?\]?\]|\{:?\s*toc\s*\}"
    r"|(?:\[?!\[[^\]]*\]\([^)]*\)\]?(?:\([^)]*\))?\s*)+|</?\w[^>]*>)?",
    re.IGNORECASE,
)


_RULE_BELOW = re.compile(r"\n[ \t]*\n {0,3}([-*_])(?:[ \t]*\1){2,}\s*\Z")  # between entries


@dataclass(frozen=True)
class Place:
    """Where a document lies: what its folder says of it."""

    stem: str
    shape: str = "auto"
    collection: str = ""  # of the folder, for a file that is one entry
    section: str = ""
    folder_of_entries: str = ""  # most files of the folder are one entry each, by this key


def read_document(
    text: str, place: Place, names: Names, notes: Notes, *, mdx: bool = False
) -> Iterator[Raw | Bad]:
    """The records of one document. Text outside of them is reported to `notes`."""
    shape = place.shape
    if shape == "entries" or (shape == "auto" and is_written_by_askd(text)):
        notes.shape = "entries"
        yield from read_entries(text, notes)
        return
    front, body, offset = split(text, notes)
    if front.is_draft:
        notes.shape, notes.skipped = "front matter", notes.skipped + 1
        return
    lines, told = closed_code(body.split("\n"), offset)
    notes.warnings += [told] if told else []
    body, commented_out = without_comments("\n".join(lines), offset)
    notes.warnings += [commented_out] if commented_out else []
    body, references = resolved(body)
    lines = body.split("\n")
    lines = plain_markdown(plain_lines(without_jsx(lines) if mdx else lines))
    if shape == "front-matter" or (shape == "auto" and names_question(front)):
        yield _one_entry(front, lines, place, references, notes)
        return
    document = Document(lines, offset)
    found, guessed, taken = _find(document, shape, names)
    sure = len(found) > 1 and not guessed
    if shape == "auto" and _title_is_question(front.title, place, sure=sure):
        yield _one_entry(front, lines, place, references, notes)
        return
    if len(found) == 1 and taken == ["headings h1"] and place.collection:
        found = [found[0].placed(place.collection, place.section)]
    notes.shape = ", ".join(taken)
    notes.questions = guessed
    notes.cure = f"--shape {', '.join(SHAPES[1:])} says how to read it"
    for one in sorted(found, key=lambda entry: entry.first):
        yield _raw(one, document, front, references)
    _tell_unused(document, notes)
    if not found:
        notes.warnings.append(_what_was_seen(document))


def _find(document: Document, shape: str, names: Names) -> tuple[list[Found], list[str], list[str]]:
    """(entries, titles that were only guessed to be questions, the shapes they were found in)"""
    readers: dict[str, Callable[[], list[Found]]] = {
        "details": lambda: find_details(document),
        "table": lambda: find_tables(document, names),
        "qa": lambda: find_marked(document),
        "definitions": lambda: find_definitions(document),
        "bold": lambda: find_bold(document),
        "list": lambda: find_lists(document),
        "lines": lambda: find_lines(document),
    }
    found: list[Found] = []
    taken: list[str] = []
    guessed: list[str] = []
    for name, reader in readers.items():
        if shape not in ("auto", name):
            continue
        if shape == "auto" and name == "lines" and found:
            continue  # another shape is surer
        new = [one for one in reader() if not any(document.used[one.first : one.end])]
        if (
            shape == "auto"
            and name in ("bold", "list", "definitions", "lines")
            and _explains_less(document, new, found)
        ):
            continue
        for one in new:
            document.use(one.first, one.end)
        found += new
        taken += [name] if new else []
    if shape in ("auto", "headings") or re.fullmatch(r"h[1-6]", shape):
        level = int(shape[1]) if shape not in ("auto", "headings") else None
        before = bytes(document.used)
        by_heading, guessed, levels = find_headings(document, level)
        if guessed and found and shape == "auto":
            by_heading, guessed = [], []  # other shapes are sure of theirs; a guess would mix in titles
        for one in by_heading:
            document.use(one.first, one.end)
        found += [_without_others(one, before) for one in by_heading]
        taken += [f"headings {levels}"] if by_heading else []
    return found, guessed, taken


def _explains_less(document: Document, new: Sequence[Found], found: Sequence[Found]) -> bool:
    """Whether headings would explain more of the text than what these shapes found: then they are answers."""
    if not new:
        return False
    asking = [b for b in document.blocks if b.kind == "heading" and asks(b.title)]
    inside = 0
    for one in new:
        above = document.headings.above(one.first)
        inside += above is not None and asks(above.title)
    return len(asking) > 0 and inside * 2 >= len(new)


def _without_others(one: Found, used: bytes) -> Found:
    """The answer up to where another shape's entries begin."""
    taken = next((number for number in range(one.answer, one.end) if used[number]), one.end)
    return one.ending_at(taken)


def _raw(one: Found, document: Document, front: FrontMatter, references: References) -> Raw:
    answer = one.text if one.text is not None else document.text(one.answer, one.end)
    answer = answer.replace(MARK, "")
    if one.text is None:
        answer = _RULE_BELOW.sub("", answer)
    if one.text is None:
        is_marked = marked(document.lines[one.first].strip("# ")) is not None
        if mark := (answered(answer) if is_marked else surely_answered(answer)):
            answer = unmarked_answer(answer, mark)
    fields: dict[str, object] = {
        "id": one.id,
        "collection": front.fields.get("collection") or one.collection,
        "section": one.section or front.fields.get("section"),
        "question": one.question,
        "answer": references.added(without_way_up(answer)).strip(),
        **dict(one.fields),
    }
    return Raw(fields, document.place(one.first), markdown=True)


def _title_is_question(title: str, place: Place, *, sure: bool) -> bool:
    """Whether front matter's title makes the file one entry, rather than a page of several."""
    if not title or is_section_title(title):
        return False
    if place.folder_of_entries == "title":
        return not sure or asks(title)
    return asks(title) and not sure


def _one_entry(
    front: FrontMatter, lines: Sequence[str], place: Place, references: References, notes: Notes
) -> Raw:
    """The whole file is the answer."""
    notes.shape = "front matter"
    given = dict(front.fields)
    given.setdefault("answer", references.added("\n".join(lines).strip("\n").rstrip()))
    given.setdefault("question", front.title)
    for name, value in (("collection", place.collection), ("section", place.section)):
        if value:
            given.setdefault(name, value)
    if not given["question"]:
        raise BadFaqFile("front matter names no question or title")
    return Raw(given, "line 1", markdown=True)


def _tell_unused(document: Document, notes: Notes) -> None:
    """What is in no entry: titles that hold entries, tables of contents and pictures do not count."""
    headings = [block for block in document.blocks if block.kind == "heading"]
    ends = _ends_of_parts(headings, len(document.lines))
    notes.total = sum(1 for line in document.lines if line.strip())
    notes.empty = not notes.total
    for block in document.blocks:
        if block.kind == "heading":
            end, level_end = ends[block.first]
            empty = not any(document.used[block.first : level_end]) and not any(
                line.strip() for line in document.lines[block.end : end]
            )
            if (empty and block.level > 1) or (
                empty and len(headings) > 1 and block.first != headings[0].first
            ):
                notes.leave_out(1, document.place(block.first), f"{block.title} (a heading without a text)")
            continue
        lines = [
            number
            for number in range(block.first, block.end)
            if not document.used[number]
            and document.lines[number].strip()
            and not _NO_TEXT.fullmatch(document.lines[number].strip())
            and not (block.kind == "list" and _TOC.match(document.lines[number]))
        ]
        if lines:
            notes.leave_out(len(lines), document.place(lines[0]), document.lines[lines[0]])


def _ends_of_parts(headings: Sequence[Block], last: int) -> dict[int, tuple[int, int]]:
    """Of each heading: the lines of the next one, and of the next one of its level or above."""
    ends: dict[int, tuple[int, int]] = {}
    following = [last] * 7  # by level
    for number in range(len(headings) - 1, -1, -1):
        here = headings[number]
        below = headings[number + 1].first if number + 1 < len(headings) else last
        ends[here.first] = below, min(following[1 : here.level + 1])
        following[here.level] = here.first
        following[here.level + 1 :] = [last] * (6 - here.level)
    return ends


def _what_was_seen(document: Document) -> str:
    headings = [block for block in document.blocks if block.kind == "heading"]
    seen = [f"{'#' * block.level} {block.title[:40]}" for block in headings[:5]]
    kinds = sorted({block.kind for block in document.blocks} - {"heading", "rule"})
    said = f"the headings are {', '.join(map(repr, seen))}" if seen else "there are no headings"
    return f"no questions were found: {said}; the rest is {', '.join(kinds) or 'empty'}"
