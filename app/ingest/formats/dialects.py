"""Markdown's dialects as plain Markdown, line by line: MDX, callouts, headings as wikis write them."""

import re
from collections.abc import Iterator, Sequence

from app.ingest.formats.questions import asks

LONGEST = 2_000  # characters; no longer line is a heading or a tag, and the patterns take long over it
_EQUALS = re.compile(r"(?P<level>={1,6}) (?P<title>\S.{0,300}?)(?: +=+)? *")
_CALLOUT = re.compile(r">\s*\[!(?P<kind>[\w-]{1,20})\][+-]?\s*(?P<title>.*)")
_ASKING_CALLOUTS = frozenset({"question", "faq", "help"})
_FENCE = re.compile(r"\s*(?P<mark>`{3,}|~{3,})(?P<info>.*)")
_CODE_LINE = re.compile(
    r"(?:import\s[^'\"]{1,500}\sfrom\s*['\"]|import\s*['\"]|import(?:\s+\w{1,100}\s*,)?\s*\{"
    r"|export\s+(?:const|default|function|let|var)\b)"
)
_HEADING = re.compile(r" {0,3}(?:#{1,6}\s|-{3,}\s*$|={3,}\s*$)")
_JS_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_OPENED = re.compile(r"[({\[]")
_CLOSED = re.compile(r"[)}\]]")
_ATTRIBUTE = re.compile(r"([\w:-]+)(?:=(\"[^\"]*\"|'[^']*'|\{[^{}]*\}))?")
_ACCORDION = re.compile(
    r"\s*<(?P<tag>[A-Z][\w.]*)"
    r"(?P<attributes>(?:\s+[\w:-]+(?:=(?:\"[^\"]*\"|'[^']*'|\{[^{}]*\}))?)*)\s*(?P<alone>/?)>(?P<text>.*)"
)
_ASKED = frozenset({"title", "question", "summary", "header", "heading", "label"})
_STRING = re.compile(r"\{?\s*([\"'`])(?P<text>(?:(?!\1)[^<])+)\1\s*\}?")
_ACCORDIONS = re.compile(r"accordion|collaps|expan|disclosure|toggle|faq|question|details", re.IGNORECASE)
_JSX_TAG = re.compile(r"</?[A-Z][\w.]*(?:\s[^<>]*)?/?>")
_IN_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")


def plain_markdown(lines: Sequence[str]) -> Sequence[str]:
    """Headings as AsciiDoc and wikis write them (`== How?`) as Markdown's; callouts that are a question as
    `<details>`; a document that is one quotation without its marks. Line numbers stay, but below a callout
    that a heading follows at once."""
    filled = [line for line in lines if line.strip()]
    if any(_CALLOUT.match(line) for line in filled):
        return list(_without_callouts(lines))
    if len(filled) > 1 and all(line.startswith(">") for line in filled):
        return [_unquoted(line) for line in lines]
    headings = [heading for line in filled if (heading := _equals(line))]
    if len(headings) > 1 and not any(re.match("#{1,6} ", line) for line in filled):
        return [
            f"{'#' * len(heading['level'])} {heading['title']}" if heading else line
            for line in lines
            for heading in [_equals(line)]
        ]
    return lines


def _equals(line: str) -> re.Match[str] | None:
    return _EQUALS.fullmatch(line) if len(line) < LONGEST else None


def _unquoted(line: str) -> str:
    return line.removeprefix(">").removeprefix(" ")


def _without_callouts(lines: Sequence[str]) -> Iterator[str]:
    """`> [!question] How?` and the quotation below it; other callouts stay quotations."""
    inside, fence = False, ""
    for line in lines:
        fence, in_code = fenced(line, fence)
        callout = None if in_code else _CALLOUT.match(line)
        close = ""
        if inside and (callout or not line.startswith(">")):
            inside, close = False, "</details>"
            if _HEADING.match(line):  # what stands at once below HTML is HTML
                yield from (close, "")
                close = ""
        if (
            callout
            and callout["title"]
            and (callout["kind"].lower() in _ASKING_CALLOUTS or asks(callout["title"]))
        ):
            inside = True
            yield f"{close}<details><summary>{callout['title']}</summary>"
        else:
            yield _unquoted(line) if inside else close + line
    if inside:
        yield "</details>"


def fenced(line: str, fence: str) -> tuple[str, bool]:
    """The fence that is open below this line, "" for none; and whether the line is of a block of code."""
    found = _FENCE.match(line)
    if not found:
        return fence, bool(fence)
    if not fence:
        return found["mark"], True
    closes = found["mark"].startswith(fence) and not found["info"].strip()
    return ("" if closes else fence), True


def closed_code(lines: Sequence[str], offset: int) -> tuple[Sequence[str], str | None]:
    """The lines with their last block of code closed, and what is to be said of it.

    A fence at the end of a line closes nothing, so that all below it would be code; where a block is never
    closed otherwise, it was meant to. Below it line numbers are one higher then. `offset`: lines before
    these.
    """
    fence, begins = "", 0
    for number, line in enumerate(lines):
        before = fence
        fence, _ = fenced(line, fence)
        begins = begins if before else number
    if not fence:
        return lines, None
    for number in range(begins + 1, len(lines)):
        said = lines[number].rstrip()
        if said.endswith(fence):
            kept = said.removesuffix(fence).rstrip()
            told = (
                f"line {offset + number + 1}: a fence at the end of a line was taken for the end of the code"
            )
            return [*lines[:number], kept, fence, *lines[number + 1 :]], told
    return (
        lines,
        f"line {offset + begins + 1}: this block of code is never closed; all that follows is part of it",
    )


def without_jsx(lines: Sequence[str]) -> list[str]:
    """MDX without its imports, exports and components: accordions become `<details>`, of others the text
    stays. Line numbers stay."""
    kept: list[str] = []
    fence, code_end = "", 0
    open_tags: list[str] = []
    for number, line in enumerate(lines):
        if number < code_end:
            kept.append("")
            continue
        fence, in_code = fenced(line, fence)
        if in_code:
            kept.append(line)
        elif _CODE_LINE.match(line):
            code_end = _end_of_code(lines, number)
            kept.append("")
        elif accordion := _accordion(line):
            tag, question, text = accordion
            if tag:
                open_tags.append(f"</{tag}>")
            kept.append(f"<details><summary>{question}</summary>{_closed(text, open_tags)}")
        else:
            kept.append(_labelled(line) or _closed(line, open_tags))
    return kept


def _end_of_code(lines: Sequence[str], first: int) -> int:
    """The line below an import or export: where its brackets are closed. Brackets in a text or a pattern
    may never be; so that no entry is lost, the code then ends where its paragraph does."""
    depth = 0
    for number in range(first, len(lines)):
        line = lines[number]
        if _HEADING.match(line) or _FENCE.match(line):
            break
        code = _JS_STRING.sub("", line)
        depth += len(_OPENED.findall(code)) - len(_CLOSED.findall(code))
        if depth <= 0:
            return number + 1
    end = first + 1
    while end < len(lines) and lines[end].strip() and not _HEADING.match(lines[end]):
        end += 1
    return end


def _accordion(line: str) -> tuple[str, str, str] | None:
    """Tag, question, and what stands behind the tag, where the line opens an accordion; the tag is "" where
    it closes itself, with its answer in an attribute."""
    found = _ACCORDION.fullmatch(line) if len(line) < LONGEST else None
    if not found or not _ACCORDIONS.search(found["tag"]):
        return None
    given = {
        name: text["text"].strip()
        for name, value in _ATTRIBUTE.findall(found["attributes"])
        if (text := _STRING.fullmatch(value))
    }
    question = next((text for name, text in given.items() if name in _ASKED), None)
    if question is None or (found["alone"] and "answer" not in given):
        return None
    if found["alone"]:
        return "", question, f"{given['answer']}</details>{found['text']}"
    return found["tag"], question, found["text"].strip()


def _labelled(line: str) -> str:
    """The text that a tag of its own line has in an attribute: the name of a tab, the title of a card."""
    found = _ACCORDION.fullmatch(line) if len(line) < LONGEST else None
    if not found or found["text"].strip():
        return ""
    given = dict(_ATTRIBUTE.findall(found["attributes"]))
    text = next((_STRING.fullmatch(given[name]) for name in ("label", "title") if given.get(name)), None)
    return f"**{text['text'].strip()}**" if text else ""


def _closed(line: str, open_tags: list[str]) -> str:
    """The line without its tags; `</details>` where it ends the innermost accordion."""
    bare = line.rstrip()
    if open_tags and bare.endswith(open_tags[-1]):
        return f"{_without_tags(bare.removesuffix(open_tags.pop()))}</details>".lstrip()
    return _without_tags(line)


def _without_tags(line: str) -> str:
    if "<" not in line:
        return line
    pieces, start = [], 0
    for code in _IN_CODE.finditer(line):
        pieces += [_JSX_TAG.sub("", line[start : code.start()]), code[0]]
        start = code.end()
    return "".join([*pieces, _JSX_TAG.sub("", line[start:])]).rstrip()
