"""Questions that a document marks: `Q:` and `A:`, bold lines, `<details>`, tables, definitions, lists."""

import re
from collections.abc import Iterator
from textwrap import dedent
from typing import NamedTuple

from app.ingest.formats.blocks import Block, Document
from app.ingest.formats.found import Found
from app.ingest.formats.questions import (
    answered,
    answered_inside,
    asks,
    bare_question,
    bold_question,
    ends_as_question,
    is_section_title,
    marked,
    unmarked_answer,
    unmarked_question,
)

_SUMMARY = re.compile(r"<details\b[^>]*>\s*<summary\b[^>]*>(.*?)</summary\s*>", re.I | re.S)
_OPEN_OR_CLOSE = re.compile(r"<(/?)details\b[^>]*>", re.IGNORECASE)
_TAGS = re.compile(r"<[^>]+>")
ITEM = re.compile(r"^(\s*)(?:[-*+]|\d{1,9}[.)])(\s+|$)")


def find_details(document: Document) -> list[Found]:
    """`<details><summary>Question</summary>`; those inside the answer of a heading's question stay there."""
    in_code = bytearray(len(document.lines))
    for block in document.blocks:
        if block.kind == "code":
            in_code[block.first : block.end] = b"\1" * (block.end - block.first)
    spans: list[tuple[int, int, int, int]] = []
    depth = 0
    start = column = 0
    for number, line in enumerate(document.lines):
        if "details" not in line.lower() or in_code[number]:
            continue
        for tag in _OPEN_OR_CLOSE.finditer(line):
            if not tag[1]:
                start, column = (number, tag.start()) if depth == 0 else (start, column)
                depth += 1
            elif depth:
                depth -= 1
                if depth == 0:
                    document.inner[start : number + 1] = b"\1" * (number + 1 - start)
                    spans.append((start, column, number, tag.start()))
    found = [one for span in spans if (one := _details(document, *span))]
    own = sum(one.end - one.first for one in found)
    all_lines = sum(1 for line in document.lines if line.strip())
    most = own * 2 >= all_lines
    return [one for one in found if _is_entry(document, one, most)]


def _details(document: Document, first: int, column: int, last: int, closed: int) -> Found | None:
    """Those that begin in a column of the first line, and whose end tag does in one of the last."""
    lines = [*document.lines[first:last], document.lines[last][:closed]]
    text = "\n".join(lines)[column:]
    opened = _SUMMARY.match(text)
    if not opened:
        return None
    question = bare_question(" ".join(_TAGS.sub("", opened[1]).split()).lstrip("# "))
    answer = dedent(text[opened.end() :]).strip()
    collection, section = document.headings_above(first)
    found = Found(first, first, last + 1, question, answer, collection=collection, section=section)
    return found if question else None


def _is_entry(document: Document, one: Found, most: bool) -> bool:
    above = document.headings.above(one.first)
    under_question = above is not None and asks(above.title)
    if (
        above
        and under_question
        and any(
            above.end <= block.first < one.first and block.kind in ("paragraph", "list", "code")
            for block in document.blocks
        )
    ):
        return False  # the heading's answer has begun already
    return asks(one.question) or (most and not under_question and not is_section_title(one.question))


def find_marked(document: Document) -> list[Found]:
    """`Q:` … `A:` …, in paragraphs of their own or in one; an answer ends at the next question or heading."""
    short = _has_short_marks(document)
    starts: list[tuple[int, str, int]] = []  # line, question, line its answer begins on
    for block in document.blocks:
        if block.kind not in ("paragraph", "list", "heading"):
            continue
        begins = {first for first, _ in block.items}
        for number in range(block.first, block.end):
            line = document.lines[number]
            bare = ITEM.sub("", line).strip() if block.kind == "list" else line.strip()
            if block.kind == "list" and number not in begins:
                continue
            mark = marked(bare, short=short)
            if (
                mark
                and block.kind != "heading"
                and (len(mark["mark"]) > 1 or mark["mark"] in "Qq问問" or short)
            ):
                starts.append((number, unmarked_question(bare, mark), number + 1))
    return list(between(document, starts, short))


def _has_short_marks(document: Document) -> bool:
    """`F:`, `P:` and French `Q:` with `R:` count only where as many answers are marked, too."""
    lines = [document.lines[block.first].strip() for block in document.blocks if block.kind == "paragraph"]
    questions = sum(1 for line in lines if marked(line, short=True))
    answers = sum(
        1
        for block in document.blocks
        if block.kind == "paragraph"
        for line in document.lines[block.first : block.end]
        if answered(line.strip(), short=True)
    )
    return questions > 0 and answers >= questions


def between(document: Document, starts: list[tuple[int, str, int]], short: bool) -> Iterator[Found]:
    for position, (line, question, answer) in enumerate(starts):
        following = starts[position + 1][0] if position + 1 < len(starts) else len(document.lines)
        end = min(following, document.headings.line_below(line, following))
        # what another shape took already begins something else
        end = next((number for number in range(answer, end) if document.used[number]), end)
        lines = list(document.lines[answer:end])
        if inside := answered_inside(question):
            yield entry(document, line, end, inside[0], [inside[1], *lines])
            continue
        for number, text in enumerate(lines):
            bare = ITEM.sub("", text).strip()
            if mark := answered(bare, short=short):
                more = " ".join(part.strip() for part in lines[:number])
                question = f"{question} {more}".strip()
                rest = [unmarked_answer(bare, mark), *lines[number + 1 :]]
                yield entry(document, line, end, question, rest)
                break
            if text.strip() and not lines[0].strip():
                yield entry(document, line, end, question, lines)
                break
        else:
            yield entry(document, line, end, question, lines)


def entry(document: Document, line: int, end: int, question: str, lines: list[str]) -> Found:
    while lines and (not lines[-1].strip() or re.fullmatch(r"\s*([-*_])(\s*\1){2,}\s*", lines[-1])):
        lines = lines[:-1]
    first, *others = lines or [""]
    text = f"{first}\n{dedent(chr(10).join(others))}" if others else first
    collection, section = document.headings_above(line)
    return Found(line, line, end, question.strip("*_ "), text.strip(), collection=collection, section=section)


class _Bold(NamedTuple):
    """A paragraph that begins with a question in bold, and the bold line directly above it, if any."""

    first: int
    below: int  # the line below the question
    question: str
    more: str  # behind it on its line
    title: str
    begins: int  # line of the title, or else of the question


def find_bold(document: Document) -> list[Found]:
    """Paragraphs that begin with a question in bold, unless headings are the questions. Where the first has
    a bold line above it, such lines name sections."""
    asking = sum(block.kind == "heading" and asks(block.title) for block in document.blocks)
    starts, others = _bold_paragraphs(document)
    if not starts or asking >= len(starts) or others > len(starts):
        return []
    has_sections = bool(starts[0].title)
    section = ""
    found = []
    for position, start in enumerate(starts):
        following = len(document.lines)
        if position + 1 < len(starts):
            following = starts[position + 1].begins if has_sections else starts[position + 1].first
        if has_sections:
            section = start.title or section
            document.use(start.begins, start.first)
        end = min(following, document.headings.line_below(start.first, following))
        end = next((number for number in range(start.below, end) if document.used[number]), end)
        lines = [*([start.more] if start.more else []), *document.lines[start.below : end]]
        one = entry(document, start.first, end, start.question, lines)
        found.append(one.placed(one.collection, section) if section else one)
    return found


def _bold_paragraphs(document: Document) -> tuple[list[_Bold], int]:
    """Those that are questions, and how many are not."""
    starts: list[_Bold] = []
    others = 0
    title, begins = "", 0
    for block in document.blocks:
        above, title = title, ""
        if block.kind != "paragraph" or document.is_used(block):
            continue
        line, below = _bold_head(document, block)
        if found := bold_question(line):
            starts.append(_Bold(block.first, below, *found, above, begins if above else block.first))
        elif below == block.end and re.fullmatch(r"(\*\*|__)[^*_]+\1:?", line):
            others += 1
            title, begins = line.strip("*_: "), block.first
    return starts, others


def _bold_head(document: Document, block: Block) -> tuple[str, int]:
    """The lines up to where the bold a paragraph begins with is closed, as one; and the line below them."""
    text, below = document.lines[block.first].strip(), block.first + 1
    mark = text[:2]
    while mark in ("**", "__") and text.count(mark) < 2 and below < block.end:
        text, below = f"{text} {document.lines[below].strip()}", below + 1
    return text, below


def find_lines(document: Document) -> list[Found]:
    """Lines of plain text that are a question, each at the beginning of a paragraph; at least two of them."""
    starts = [
        (block.first, document.lines[block.first].strip(), block.first + 1)
        for block in document.blocks
        if block.kind == "paragraph" and ends_as_question(document.lines[block.first])
    ]
    return list(between(document, starts, short=False)) if len(starts) > 1 else []
