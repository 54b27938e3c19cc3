"""A Markdown document as its outermost blocks: headings, paragraphs, lists, tables, code, HTML."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from markdown_it import MarkdownIt

_PIECE = 1000  # lines that are parsed together: tokens take far more memory than text

# Where blocks begin and end is all we ask; what stands inside a line stays as it is.
_parser = MarkdownIt("commonmark").enable("table")
_parser.core.ruler.enableOnly(["block"])
_KINDS = {
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "blockquote_open": "quote",
    "fence": "code",
    "code_block": "code",
    "html_block": "html",
    "hr": "rule",
    "heading_open": "heading",
}


_NUMBERED = re.compile(r"( {0,3}\d{1,3})\.( +\S.*)$")
_UNDERLINE = re.compile(r" {0,3}(?:-{3,}|={3,})\s*$")


class Block(NamedTuple):
    kind: str
    first: int  # line, from 0
    end: int  # the line after its last
    level: int = 0  # of a heading
    title: str = ""
    items: tuple[tuple[int, int], ...] = ()  # of a list: the lines of each item

    def with_items(self, items: Sequence[tuple[int, int]]) -> "Block":
        return self._replace(items=tuple(items))


@dataclass
class Document:
    """`offset` is how many lines stand before the first of `lines`: front matter."""

    lines: Sequence[str]
    offset: int = 0
    blocks: Sequence[Block] = field(default_factory=list)
    used: bytearray = field(default_factory=bytearray)  # a flag per line
    inner: bytearray = field(default_factory=bytearray)  # lines whose headings are part of an answer

    def __post_init__(self) -> None:
        self.blocks = list(_blocks(self.lines))
        self.used = bytearray(len(self.lines))
        self.inner = bytearray(len(self.lines))

    def text(self, first: int, end: int) -> str:
        return "\n".join(self.lines[first:end]).strip("\n").rstrip()

    def use(self, first: int, end: int) -> None:
        self.used[first:end] = b"\1" * (max(end, first) - first)

    def is_used(self, block: Block) -> bool:
        return any(self.used[block.first : block.end])

    def place(self, line: int) -> str:
        return f"line {self.offset + line + 1}"

    @cached_property
    def headings(self) -> "Headings":
        """Those that are not inside an answer: asked for once `inner` is known."""
        return Headings(
            [block for block in self.blocks if block.kind == "heading" and not self.inner[block.first]]
        )

    def headings_above(self, line: int, level: int = 7) -> tuple[str, str]:
        """(collection, section) for what stands on this line, below headings of less than this level."""
        return self.headings.titles_above(line, level)


class Headings:
    """Finds the headings around a line without looking at all of them."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._lines = [block.first for block in blocks]
        self._latest: list[tuple[int, ...]] = []  # at each: the last of each level below the last `#`
        latest = [-1] * 7
        for number, block in enumerate(blocks):
            latest = [-1] * 7 if block.level == 1 else list(latest)
            latest[block.level] = number
            if block.level > 1 and self._latest:
                latest[1] = self._latest[-1][1]
            self._latest.append(tuple(latest))

    def above(self, line: int) -> Block | None:
        number = bisect_left(self._lines, line) - 1
        return self._blocks[number] if number >= 0 else None

    def line_below(self, line: int, otherwise: int) -> int:
        """Where the next one is."""
        number = bisect_right(self._lines, line)
        return self._lines[number] if number < len(self._lines) else otherwise

    def titles_above(self, line: int, level: int) -> tuple[str, str]:
        number = bisect_left(self._lines, line) - 1
        if number < 0:
            return "", ""
        latest = self._latest[number]
        section = max(latest[2 : max(level, 2)], default=-1)
        return (
            self._blocks[latest[1]].title if latest[1] >= 0 else "",
            self._blocks[section].title if section >= 0 else "",
        )


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Parsed in pieces: at a heading that is nested in nothing, all that stands before it is closed."""
    start, enough = 0, _PIECE
    for number in range(len(lines)):
        if number - start >= enough and lines[number].startswith("#"):
            blocks = _parsed(lines, start, number + 1)
            if blocks and blocks[-1].kind == "heading" and blocks[-1].first == number:
                yield from blocks[:-1]
                start, enough = number, _PIECE
            else:
                enough *= 2  # inside a long block of code: look again later, not at every line
    yield from _parsed(lines, start, len(lines))


def _parsed(lines: Sequence[str], start: int, end: int) -> list[Block]:
    tokens = _parser.parse("\n".join(_numbered_headings(lines[start:end])))
    blocks: list[Block] = []
    items: list[tuple[int, int]] = []
    for position, token in enumerate(tokens):
        if token.type == "list_item_open" and token.level == 1 and token.map:
            items.append((start + token.map[0], start + token.map[1]))
        if token.level or not token.map:
            if token.level == 0 and token.type.endswith("_list_close") and blocks:
                blocks[-1] = blocks[-1].with_items(items)
                items = []
            continue
        if kind := _KINDS.get(token.type):
            level = int(token.tag[1]) if kind == "heading" else 0
            title = tokens[position + 1].content.replace("\\.", ".", 1) if kind == "heading" else ""
            blocks.append(Block(kind, start + token.map[0], start + token.map[1], level, title))
    return blocks


def _numbered_headings(lines: Sequence[str]) -> list[str]:
    """`1. How?` above a line of dashes is meant as a heading, though Markdown makes a list of it."""
    return [
        f"{number[1]}\\.{number[2]}"
        if (number := _NUMBERED.match(line)) and _UNDERLINE.match(below)
        else line
        for line, below in zip(lines, [*lines[1:], ""], strict=False)
    ]
