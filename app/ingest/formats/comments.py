"""Comments of HTML and MDX in Markdown."""

import re

from app.ingest.cleaning import CODE

# One at a line's start, behind a list's mark at most, may hold anything.
_BLOCK = r"(?:^(?P<block>[ \t>*+-]*+(?:\d{1,9}[.)][ \t]+)?))?"
_KINDS = (
    (r"<!--(?!-?>)", "-->"),
    (r"\{/\*(?! *#[\w-]+ *\*/)", "*/}"),  # `{/* #how */}` is the name of a heading
)
_OPENERS = tuple(
    (re.compile(f"(?:{CODE.pattern})|(?P<ours>{_BLOCK}(?P<mark>{begin}))", re.MULTILINE | re.DOTALL), end)
    for begin, end in _KINDS
)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S[^\n]*)", re.MULTILINE)
_PARAGRAPH_END = re.compile(r"\n(?=[ \t]*$| {0,3}#{1,6}[ \t])|\Z", re.MULTILINE)


def without_comments(text: str, offset: int = 0) -> tuple[str, str]:
    """The text, its lines where they were; and a warning where comments hold headings, which may be entries.

    A comment within a paragraph or a heading ends there, too: `<!--` is a part of the text otherwise.
    """
    titles: list[str] = []
    for opener, end in _OPENERS:
        if end in text:
            text = _without(text, opener, end, offset, titles)
    if not titles:
        return text, ""
    more = f", and those of {len(titles) - 1} more comments" if len(titles) > 1 else ""
    return text, f"headings in a comment are left out: {titles[0]}{more}"


def _without(text: str, opener: re.Pattern[str], end: str, offset: int, titles: list[str]) -> str:
    pieces: list[str] = []
    kept = at = closed = limit = 0
    while found := opener.search(text, at):
        at = found.end()
        if found["ours"] is None:  # code
            continue
        if closed < at:  # sought once for all openers before it, so that the time stays linear
            closed = text.find(end, at)
            if closed < 0:
                break
        if found["block"] is None:
            limit = limit if limit >= at else _end_of_part(text, at)
            if closed > limit:
                continue
        start, at = found.start("mark"), closed + len(end)
        if heading := _HEADING.search(text, start, at):
            place = "" if titles else f"line {offset + text.count(chr(10), 0, heading.start()) + 1}: "
            titles.append(f"{place}{heading[1][:60]!r}")
        pieces += [text[kept:start], "\n" * text.count("\n", start, at)]
        kept = at
    return "".join([*pieces, text[kept:]])


def _end_of_part(text: str, at: int) -> int:
    """Where the heading or paragraph ends that `at` stands in."""
    line = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at) if _HEADING.match(text, line) else -1
    if end < 0 and (found := _PARAGRAPH_END.search(text, at)):
        end = found.start()
    return end
