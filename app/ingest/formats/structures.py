"""Questions in the structure of a document: tables, definition lists, and lists of questions."""

import re
from bisect import bisect_right
from textwrap import dedent

from app.ingest.column_aliases import Names
from app.ingest.formats.blocks import Block, Document
from app.ingest.formats.found import Found
from app.ingest.formats.marked import ITEM, between, entry
from app.ingest.formats.questions import (
    asks,
    bare_question,
    bold_question,
    ends_as_question,
    surely_answered,
    unmarked_answer,
)
from app.ingest.formats.tables import find_header

_CELL = re.compile(r"(?<!\\)\|")


def find_tables(document: Document, names: Names) -> list[Found]:
    """Tables with a column of questions and one of answers."""
    found: list[Found] = []
    for block in document.blocks:
        if block.kind != "table":
            continue
        rows = [_cells(document.lines[number]) for number in range(block.first, block.end)]
        header = find_header(rows[:1] + rows[2:], names) if len(rows) > 2 else None
        if header is None:
            body = rows[2:]
            if (
                len(rows[0]) != 2
                or not body
                or sum(ends_as_question(row[0]) for row in body if row) * 2 < len(body)
            ):
                continue
            columns = {"question": 0, "answer": 1}
        else:
            columns = dict(header.columns)
        collection, section = document.headings_above(block.first)
        document.use(block.first, block.first + 2)
        for number in range(block.first + 2, block.end):
            cells = rows[number - block.first]
            given = {field: cells[column] for field, column in columns.items() if column < len(cells)}
            if not any(given.values()):
                continue
            answer = re.sub(r"<br\s*/?>", "\n", given.pop("answer", ""), flags=re.IGNORECASE)
            question = bare_question(given.pop("question", ""))
            found.append(
                Found(
                    number,
                    number,
                    number + 1,
                    question,
                    answer,
                    given.pop("id", None) or None,
                    given.pop("collection", "") or collection,
                    given.pop("section", "") or section,
                    tuple(given.items()),
                )
            )
    return found


def _cells(line: str) -> list[str]:
    line = line.strip()
    line = line.removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [cell.replace("\\|", "|").strip() for cell in _CELL.split(line)]


def find_definitions(document: Document) -> list[Found]:
    """A term, and below it lines that begin with a colon."""
    terms: list[tuple[int, int]] = []  # line of the term, line of its definition
    paragraphs = [block for block in document.blocks if block.kind == "paragraph"]
    for before, block in zip([None, *paragraphs], paragraphs, strict=False):
        for number in range(block.first, block.end):
            if not re.match(r" {0,3}:[ \t]+\S", document.lines[number]):
                continue
            if number > block.first and not document.lines[number - 1].lstrip().startswith(":"):
                terms.append((number - 1, number))
            elif (
                number == block.first
                and before
                and before.end - before.first == 1
                and number - before.end <= 1
            ):
                terms.append((before.first, number))
    if not terms or (len(terms) == 1 and not asks(document.lines[terms[0][0]])):
        return []
    found = []
    heads = [block.first for block in document.blocks if block.kind in ("heading", "rule")]
    for position, (term, first) in enumerate(terms):
        following = terms[position + 1][0] if position + 1 < len(terms) else len(document.lines)
        end = min(following, _next(heads, term, following))
        lines = [re.sub(r"^ {0,3}:[ \t]+", "", document.lines[first])]
        for number in range(first + 1, end):
            line = document.lines[number]
            if (
                not document.lines[number - 1].strip()
                and line.strip()
                and not re.match(r"[ \t]|:[ \t]", line)
            ):
                end = number
                break
            lines.append(re.sub(r"^ {0,3}:[ \t]+", "", line))
        found.append(entry(document, term, end, bare_question(document.lines[term]), lines))
    return found


def _next(lines: list[int], line: int, otherwise: int) -> int:
    number = bisect_right(lines, line)
    return lines[number] if number < len(lines) else otherwise


def find_lists(document: Document) -> list[Found]:
    """List items that begin with a question and go on with its answer; and numbered questions whose
    answers stand between them."""
    found: list[Found] = []
    lone: list[tuple[int, str, int]] = []
    for block in document.blocks:
        if block.kind != "list" or document.is_used(block):
            continue
        items = [one for item in block.items if (one := _item(document, *item))]
        full = [one for one in items if one.text]
        if full and len(full) * 2 > len(block.items) and not _in_answer(document, block):
            found += full
        elif len(block.items) == 1 and items and items[0].question and ends_as_question(items[0].question):
            lone.append((block.first, items[0].question, block.end))
    if len(lone) > 1:
        found += between(document, lone, short=False)
    return found


def _in_answer(document: Document, block: Block) -> bool:
    above = document.headings.above(block.first)
    return above is not None and asks(above.title)


def _item(document: Document, first: int, end: int) -> Found | None:
    start = ITEM.match(document.lines[first])
    if not start:
        return None
    line = document.lines[first][start.end() :].strip()
    others = dedent("\n".join(document.lines[first + 1 : end])).strip("\n").rstrip()
    more = ""
    if bold := bold_question(line):
        question, more = bold
    elif ends_as_question(line):
        question = bare_question(line)
    elif cut := re.match(r"(.{3,200}?[?？])\s+(?=\S)(.*)$", line):
        question, more = bare_question(cut[1]), cut[2].lstrip("-–—: ")
    else:
        return None
    if re.fullmatch(r"\[[^\]]*\]\([^)]*\)", line):
        return None  # a table of contents
    text = "\n".join(part for part in (more, others) if part.strip())
    if mark := surely_answered(text):
        text = unmarked_answer(text, mark)
    collection, section = document.headings_above(first)
    return Found(first, first, end, question, text.strip(), collection=collection, section=section)
