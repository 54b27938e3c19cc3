"""Questions and answers in Markdown, told apart by their headings.

`#` names the collection and `##` the section. Text below a `##` or `###` heading answers it: that
heading is the question, and deeper headings are part of its answer. So a `##` is a section when `###`
headings follow it at once, and a question when text does. A question may end in its id:
`### Can I still join? {#join}`. Answers are kept as they are written.

Text below a `#` or before any heading is an introduction, and left out, as is YAML front matter.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt

from app.ingest.records import Raw

_PIECE = 1000  # lines that are parsed together: tokens take far more memory than text
_EXPLICIT_ID = re.compile(r"(.*?)\s*\{#([^{}\s]+)\}")
_LEVELS = {"h1": 1, "h2": 2, "h3": 3}

# Where blocks begin and end is all we ask; what stands inside a line stays as it is.
_blocks = MarkdownIt("commonmark")
_blocks.core.ruler.enableOnly(["block"])


class _Part(NamedTuple):
    """A heading of the first three levels, and the text up to the next one."""

    level: int
    title: str
    id: str | None
    text: str
    line: int


_END = _Part(level=0, title="", id=None, text="", line=0)


def read_markdown(lines: Iterable[str]) -> Iterator[Raw]:
    """The records of one file; the collection is left open where no `#` names it."""
    collection = section = ""
    for part, following in pairwise(chain(_parts(_body(lines)), [_END])):
        if part.level == 1:
            collection, section = part.title, ""
            continue
        if part.level == 2:
            section = part.title
            if not part.text and following.level == 3:
                continue
        fields = {
            "id": part.id,
            "collection": collection,
            "section": section if part.level == 3 else "",
            "question": part.title,
            "answer": part.text,
        }
        yield Raw(fields, f"line {part.line}")


def _body(lines: Iterable[str]) -> Iterator[str]:
    """The lines without their ends; front matter is blank, so that the others keep their numbers."""
    in_front_matter = False
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        fence = text.rstrip() == "---"
        if number == 1:
            in_front_matter = fence
        elif in_front_matter and fence:
            in_front_matter = False
            text = ""
        yield "" if in_front_matter else text


def _parts(lines: Iterable[str]) -> Iterator[_Part]:
    """Parsed in pieces: at a heading that is nested in nothing, all that stands before it is closed."""
    piece: list[str] = []
    start, enough = 1, _PIECE
    for line in lines:
        if len(piece) >= enough and line.startswith("#"):
            end = start + len(piece)
            parts = _parsed([*piece, line], start)
            if parts and parts[-1].line == end:
                yield from parts[:-1]
                piece, start, enough = [], end, _PIECE
            else:
                enough *= 2  # inside a long block of code: look again later, not at every line
        piece.append(line)
    yield from _parsed(piece, start)


def _parsed(lines: list[str], start: int) -> list[_Part]:
    tokens = _blocks.parse("\n".join(lines))
    headings = [
        (_LEVELS[token.tag], tokens[position + 1].content, *(token.map or (0, 0)))
        for position, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.tag in _LEVELS
    ]
    ends = [first for _, _, first, _ in headings[1:]] + [len(lines)]
    parts = []
    for (level, content, first, below), end in zip(headings, ends, strict=False):
        explicit = _EXPLICIT_ID.fullmatch(content)
        title, id_ = explicit.groups() if explicit else (content, None)
        parts.append(_Part(level, title, id_, "\n".join(lines[below:end]).strip(), start + first))
    return parts
