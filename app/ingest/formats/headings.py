"""Questions that are headings: which levels hold them is found out, or told by --shape h2.

A level holds the questions when most of its headings with a text look like questions; where none do, it
is the deepest level that explains most of the text. Headings above are collection (`#`) and section,
headings below are part of the answer.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from app.ingest.formats.blocks import Block, Document
from app.ingest.formats.found import Found
from app.ingest.formats.questions import asks, heading_parts, is_section_title

_MOST_OF_THE_TEXT = 0.6
_CONTENTS = re.compile(r"(?:[-*+]|\d{1,3}[.)])\s+\[.*\]\(#[^)]*\)")


class _Part(NamedTuple):
    """A heading with the text up to the next one, and up to the next one of its level or above."""

    heading: Block
    own: int  # lines of unused text directly below
    whole: int  # and with all headings below it
    next: int  # line of the next heading
    end: int  # line where its part ends
    asks: bool


def find_headings(document: Document, level: int | None = None) -> tuple[list[Found], list[str], str]:
    """The entries, their titles where these were only guessed to be questions, and which levels hold them."""
    parts = _parts(document)
    if level:
        levels, guessed = {level}, False
    else:
        levels, guessed = _asking_levels(parts), False
        if not levels:
            levels, guessed = _level_by_share(parts), True
    if not levels:
        return [], [], ""
    deepest = max(levels)
    may_ask = [part.heading.first for part in parts if part.heading.level in levels or part.asks]
    questions = [
        part
        for part in parts
        if (
            part.heading.level in levels
            or (part.asks and part.heading.level < deepest and not guessed and not level)
        )
        and not (part.own == 0 and _holds(part, may_ask))
    ]
    starts = [part.heading.first for part in questions] + [len(document.lines)]
    found: list[Found] = []
    for part, following in zip(questions, starts[1:], strict=True):
        if not part.whole and not part.asks and not level:
            continue  # a heading without text is no question: it is reported as unused
        end = min(following, part.end)
        question, id_ = heading_parts(part.heading.title)
        collection, section = document.headings_above(part.heading.first, part.heading.level)
        if part.heading.level == 1:
            collection = section = ""
        found.append(
            Found(
                part.heading.first,
                part.heading.end,
                end,
                question,
                id=id_,
                collection=collection,
                section=section,
            )
        )
    titles = [entry.question for entry in found] if guessed else []
    return found, titles, ", ".join(f"h{number}" for number in sorted(levels))


def _parts(document: Document) -> list[_Part]:
    headings = [block for block in document.blocks if block.kind == "heading"]
    own = [0] * len(headings)
    position = -1
    for block in document.blocks:
        if block.kind == "heading":
            position += 1
        elif (
            position >= 0
            and block.kind != "rule"
            and not document.is_used(block)
            and not _is_comment(document, block)
            and (asks(headings[position].title) or not _is_contents(document, block))
        ):
            own[position] += block.end - block.first
    parts = []
    for number, heading in enumerate(headings):
        whole, end = own[number], len(document.lines)
        for below in range(number + 1, len(headings)):
            if headings[below].level <= heading.level:
                end = headings[below].first
                break
            whole += own[below]
        following = headings[number + 1].first if number + 1 < len(headings) else len(document.lines)
        parts.append(_Part(heading, own[number], whole, following, end, asks(heading.title)))
    return parts


def _is_comment(document: Document, block: Block) -> bool:
    text = document.text(block.first, block.end).strip()
    return block.kind == "html" and text.startswith("<!--") and text.endswith("-->")


def _is_contents(document: Document, block: Block) -> bool:
    """A table of contents: a list of links within the page."""
    lines = filter(None, map(str.strip, document.lines[block.first : block.end]))
    return block.kind == "list" and all(_CONTENTS.fullmatch(line) for line in lines)


def _asking_levels(parts: list[_Part]) -> set[int]:
    levels = set()
    for level in {part.heading.level for part in parts}:
        here = [part for part in parts if part.heading.level == level and part.whole]
        asking = sum(part.asks for part in here)
        if asking and asking * 2 >= len(here):
            levels.add(level)
    if levels and min(levels) < max(levels):
        return _without_titles(parts, levels)
    return levels


def _without_titles(parts: list[_Part], levels: set[int]) -> set[int]:
    """Without a level whose only heading asks and stands above all the others: `# What is this?`."""
    top = min(levels)
    here = [part for part in parts if part.heading.level == top and part.whole]
    if len(here) == 1 and not here[0].own and len(levels) > 1:
        return levels - {top}
    return levels


def _level_by_share(parts: list[_Part]) -> set[int]:
    total = sum(part.own for part in parts)
    if not total:
        return set()
    levels = sorted({part.heading.level for part in parts}, reverse=True)
    telling = [level for level in levels if not _are_section_titles(parts, level)]
    best: tuple[float, int] = (0.0, 0)
    for level in telling or levels:
        here = [part for part in parts if part.heading.level == level]
        if level == 1 and sum(part.own > 0 for part in here) < 2:
            continue
        share = sum(part.whole for part in here) / total
        if share >= _MOST_OF_THE_TEXT:
            return {level}
        best = max(best, (share, level))
    if not best[1] and telling and len(telling) < len(levels):
        return {max(set(levels) - set(telling))}
    return {best[1]} if best[1] else set()


def _are_section_titles(parts: list[_Part], level: int) -> bool:
    titles = [part.heading.title for part in parts if part.heading.level == level]
    return sum(map(is_section_title, titles)) * 2 > len(titles)


def _holds(part: _Part, questions: Sequence[int]) -> bool:
    """Whether one of the `questions` stands below its heading; they are line numbers, in order."""
    following = bisect_right(questions, part.heading.first)
    return following < len(questions) and questions[following] < part.end
