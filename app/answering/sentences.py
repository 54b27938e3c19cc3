"""Where sentences end: in prose, lists and code, in texts that may still be growing. Pure."""

import re
from collections.abc import Iterator, Sequence

from app.answering.code_spans import CODE
from app.answering.model_output.marks import MARK, mark_may_begin

_END = re.compile(
    r"(?P<stop>[.!?…]+[\"'”’»)\]*_]*)(?=\s|\Z|[\[【{⁰¹²³⁴-⁹])|(?P<wide>[。！？｡؟۔।]+[”’」』）\"]*)|(?P<line>\n)"
)
_ITEM = re.compile(r"[ \t]*(?:[-*•+]|\(?\d{1,3}[.)]|[a-zA-Z][.)])[ \t]+")
_NEW_BLOCK = re.compile(r"[ \t]*(?:\n|[-*•+>#|]|\(?\d{1,3}[.)]\s|```|\Z)")
_LIST_NUMBER = re.compile(r"(?:^|\n)[ \t]*(?:[-*•+][ \t]+)?\(?(?:\d{1,3}|[a-zA-Z])\.\Z")
_ABBREVIATED = """
e.g i.e eg ie etc vs cf mr mrs ms dr prof st approx ca incl excl resp fig figs ref refs sec ch vol pp ed al
inc ltd co corp dept est min max no nr nos z.b u.a d.h bzw usw ggf inkl zzgl p.ej sr sra ej par ex jan feb
mar apr jun jul aug sep sept oct nov dec a.m p.m u.s
"""
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_END_AFTER_ALL = frozenset(
    ["etc", "inc", "ltd", "co", "corp", "min", "max", "no", "usw", "a.m", "p.m", "u.s"]
)  # before a capital
_YES_NO = re.compile(
    r"\s*(?:yes|no|ja|nein|oui|non|sí|si|sì|sim|não|nee|tak|nie|да|нет)[.!,]*\s*\Z", re.IGNORECASE
)


def sentences(text: str) -> list[str]:
    """The sentences of a whole text in order, stripped; a block of code is one."""
    return [piece for start, end in spans(text) if (piece := text[start:end].strip())]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends; together they are the text."""
    start = 0
    while start < len(text):
        end = start + (first_end(text[start:], final=True) or len(text) - start)
        yield start, end
        start = end


def first_end(text: str, *, final: bool) -> int | None:
    """Where the first sentence ends, with the marks and the space behind it; None while that is open.

    `final`: nothing follows the text. A lone "Yes." or "No." belongs to the sentence behind it.
    """
    code = [(match.start(), match.end()) for match in CODE.finditer(text)]
    begin = len(text) - len(text.lstrip())
    if code and code[0][0] == begin and text.startswith("```", begin):
        return _after(text, code[0][1], final)
    position = begin
    while match := _END.search(text, position):
        position = match.end()
        if any(start < match.start() < end for start, end in code):
            continue
        if "`" in text[begin : match.start()] and not final and _opens_code(text, match.start(), code):
            return None  # the backtick may still find its partner on this line
        if match.lastgroup == "line":
            ends = _line_ends(text, match.start(), final)
        elif match.lastgroup == "wide":
            ends = True
        else:
            ends = _stop_ends(text, match, final)
        if ends is None:
            return None
        if ends and not _YES_NO.match(text[begin : match.end()]):
            return _after(text, match.end(), final)
    return len(text) if final and text else None


def _opens_code(text: str, position: int, code: Sequence[tuple[int, int]]) -> bool:
    """Whether an unpaired backtick stands before `position` on its line, and that line is still growing."""
    line = text.rfind("\n", 0, position) + 1
    if text.find("\n", position) >= 0:
        return False
    return any(
        text[at] == "`" and not any(start <= at < end for start, end in code) for at in range(line, position)
    )


def _line_ends(text: str, at: int, final: bool) -> bool | None:
    rest = text[at + 1 :]
    if not rest.strip():
        return True if final or "\n" in rest else None
    if _NEW_BLOCK.match(rest) or text[:at].rstrip().endswith((".", "!", "?", ":", ";", "…")):
        return True
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if _ITEM.match(line):
        return not rest.lstrip()[0].islower()
    return not rest.lstrip()[0].islower()  # a wrapped line goes on in lower case


def _stop_ends(text: str, match: re.Match[str], final: bool) -> bool | None:
    before = text[: match.start() + 1]
    if _LIST_NUMBER.search(before):
        return False
    rest = text[match.end() :]
    while mark := MARK.match(rest.lstrip(" \t")):
        rest = rest.lstrip(" \t")[mark.end() :]
    following = rest.lstrip()
    if not following:
        return True if final else None
    if not final and mark_may_begin(following):
        return None
    stop = match["stop"]
    if stop.startswith((".", "…")):
        word = before[:-1].rpartition(" ")[2].rpartition("\n")[2].strip("(\"'[").casefold()
        abbreviated = stop[0] == "." and (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
        if abbreviated:
            if word == "no" and _YES_NO.match(before):
                return False
            return word in _END_AFTER_ALL and following[0].isupper()
        if stop.startswith(("..", "…")) and following[0].islower():
            return False
    return not (stop[-1] in ")]\"'”’»" and following[0].islower())


def _after(text: str, end: int, final: bool) -> int | None:
    """Past the marks and the space behind a sentence's end."""
    while mark := MARK.match(text[end:].lstrip(" \t")):
        end = len(text) - len(text[end:].lstrip(" \t")) + mark.end()
    rest = text[end:]
    if not final and (not rest.strip(" \t") or mark_may_begin(rest.lstrip(" \t"))):
        return None
    return len(text) - len(rest.lstrip())
