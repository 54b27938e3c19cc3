"""Markdown's dialects as plain Markdown, line by line: MDX, callouts, headings as wikis write them."""

import re
from collections.abc import Iterator, Sequence

from app.ingest.formats.questions import asks

_EQUALS = re.compile(r"(?P<level>={1,6}) (?P<title>\S.{0,300}?)(?: +=+)? *")
_CALLOUT = re.compile(r">\s*\[!(?P<kind>[\w-]{1,20})\][+-]?\s*(?P<title>.*)")
_ASKING_CALLOUTS = frozenset({"question", "faq", "help"})
_CODE_LINE = re.compile(
    r"(?:import\s.+from\s|import\s+['\"]|import\s*\{|export\s+(?:const|default|function|let|var)\b)"
)
_OPENED = re.compile(r"[({\[]")
_CLOSED = re.compile(r"[)}\]]")
_ACCORDION = re.compile(
    r"\s*<(?P<tag>[A-Z][\w.]*)\b[^<>]*?\b(?:title|question|summary|header|heading|label)=\"(?P<question>[^\"<>]+)\"[^<>]*>\s*"
)
_ACCORDIONS = re.compile(r"accordion|collaps|expan|disclosure|toggle|faq|question|details", re.IGNORECASE)
_JSX_TAG = re.compile(r"</?[A-Z][\w.]*(?:\s[^<>]*)?/?>")
_IN_CODE = re.compile(r"(`+)[^`].*?\1")


def plain_markdown(lines: Sequence[str]) -> Sequence[str]:
    """Headings as AsciiDoc and wikis write them (`== How?`) as Markdown's; callouts that are a question as
    `<details>`; a document that is one quotation without its marks. Line numbers stay."""
    filled = [line for line in lines if line.strip()]
    if any(_CALLOUT.match(line) for line in filled):
        return list(_without_callouts(lines))
    if len(filled) > 1 and all(line.startswith(">") for line in filled):
        return [_unquoted(line) for line in lines]
    headings = [heading for line in filled if (heading := _EQUALS.fullmatch(line))]
    if len(headings) > 1 and not any(re.match("#{1,6} ", line) for line in filled):
        return [
            f"{'#' * len(heading['level'])} {heading['title']}" if heading else line
            for line in lines
            for heading in [_EQUALS.fullmatch(line)]
        ]
    return lines


def _unquoted(line: str) -> str:
    return line.removeprefix(">").removeprefix(" ")


def _without_callouts(lines: Sequence[str]) -> Iterator[str]:
    """`> [!question] How?` and the quotation below it; other callouts stay quotations."""
    inside = False
    for line in lines:
        callout = _CALLOUT.match(line)
        if inside and (callout or not line.startswith(">")):
            inside = False
            if not line.strip():
                yield "</details>"
                continue
            line, callout = f"</details>{line}", None
        if (
            callout
            and callout["title"]
            and (callout["kind"].lower() in _ASKING_CALLOUTS or asks(callout["title"]))
        ):
            inside = True
            yield f"<details><summary>{callout['title']}</summary>"
        else:
            yield _unquoted(line) if inside else line
    if inside:
        yield "</details>"


def without_jsx(lines: Sequence[str]) -> list[str]:
    """MDX without its imports, exports and components: accordions become `<details>`, of others the text
    stays. Line numbers stay."""
    kept: list[str] = []
    fence, depth = "", 0
    open_tags: list[str] = []
    for line in lines:
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~"):
            fence = "" if fence == mark else fence or mark
        if fence or mark in ("```", "~~~"):
            kept.append(line)
        elif depth or _CODE_LINE.match(line):
            depth = max(0, depth + len(_OPENED.findall(line)) - len(_CLOSED.findall(line)))
            kept.append("")
        elif (opened := _ACCORDION.fullmatch(line)) and _ACCORDIONS.search(opened["tag"]):
            open_tags.append(f"</{opened['tag']}>")
            kept.append(f"<details><summary>{opened['question']}</summary>")
        elif open_tags and line.strip() == open_tags[-1]:
            open_tags.pop()
            kept.append("</details>")
        else:
            kept.append(_without_tags(line))
    return kept


def _without_tags(line: str) -> str:
    if "<" not in line:
        return line
    pieces, start = [], 0
    for code in _IN_CODE.finditer(line):
        pieces += [_JSX_TAG.sub("", line[start : code.start()]), code[0]]
        start = code.end()
    return "".join([*pieces, _JSX_TAG.sub("", line[start:])]).rstrip()
