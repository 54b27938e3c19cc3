"""HTML inside of Markdown, as Markdown: blocks by the converter of pages, the rest tag by tag, so that the
Markdown around it stays as it is written."""

import re

from app.ingest.cleaning import decoded, safe, without_code
from app.ingest.formats.blocks import Document

_KNOWN = (
    "p|div|ul|ol|li|table|thead|tbody|tr|td|th|h[1-6]|pre|blockquote|dl|dt|dd|center|section|article|figure"
    "|figcaption|br|hr|b|strong|i|em|u|s|del|ins|small|big|sub|sup|kbd|mark|font|span|code|a|img|tt"
)
_TAG = rf"</?(?:{_KNOWN})(?:\s[^<>]*)?/?>"
_BLOCK = re.compile(rf"<(?:{_KNOWN})\b", re.IGNORECASE)
_FOLDED = re.compile(r"</?(?:details|summary|video|audio|picture|source)\b", re.IGNORECASE)
_TAGS_ALONE = re.compile(rf"[ \t]*(?:(?!<img\b){_TAG}[ \t]*)+", re.IGNORECASE)
_PAIRS = tuple(
    (
        re.compile(rf"<({tags})(?:\s[^<>]*)?>[ \t]*([^\s<](?:[^<\n]*[^\s<])?)[ \t]*</\1\s*>", re.IGNORECASE),
        mark,
    )
    for tags, mark in (("b|strong", "**"), ("i|em", "*"), ("s|del|strike", "~~"), ("code|tt", "`"))
)
_BARE = re.compile(
    r"<(u|ins|small|big|sub|sup|kbd|mark|font|span|center)(?:\s[^<>]*)?>([^<\n]*)</\1\s*>", re.I
)
_LINK = re.compile(r"<a\s([^<>]*)>([^<>\n\[\]]+)</a\s*>", re.IGNORECASE)
_HREF = re.compile(r"\bhref\s*=\s*[\"']([^\"'<>\s]*)[\"']", re.IGNORECASE)
_ANCHOR = re.compile(r"<a\s+(?:name|id)\s*=[^<>]*>\s*</a\s*>|<a\s+(?:name|id)\s*=[^<>]*/>", re.IGNORECASE)
_IMAGE = re.compile(r"<img\s([^<>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(src|alt)\s*=\s*[\"']([^\"'<>]*)[\"']", re.IGNORECASE)
_IN_FOLDED = re.compile(
    r"(</summary\s*>)(?:\s*<(?:br|b|p|div)\s*/?>)++|(?:</(?:b|p|div)\s*>\s*)++(</details\s*>)?",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_BREAK = re.compile(r"(?:(?<![ \t])[ \t]++)?<br\s*/?>[ \t]*(\n?)", re.IGNORECASE)


def plain_markdown(text: str) -> str:
    """Markdown without the HTML that has a form in Markdown, and whose HTML runs nothing."""
    if "<" in text:
        text = safe(text)
        if _BLOCK.search(text):
            text = _without_blocks(text)
        text = without_code(text, _without_tags)
    if _SPACE.search(text):
        text = without_code(text, lambda piece: _SPACE.sub("\n\n", piece))
    return decoded(text)


def _without_blocks(text: str) -> str:
    from app.ingest.formats.html import to_markdown

    lines = text.split("\n")
    pieces, start = [], 0
    for block in Document(lines).blocks:
        inside = "\n".join(lines[block.first : block.end])
        if block.kind != "html" or not _BLOCK.match(inside.lstrip()) or _FOLDED.search(inside):
            continue
        pieces += lines[start : block.first]
        if not _TAGS_ALONE.fullmatch(" ".join(inside.split())):
            pieces += ["", to_markdown(inside), ""]
        start = block.end
    return "\n".join([*pieces, *lines[start:]])


def _without_tags(text: str) -> str:
    if "<" not in text:
        return text
    lines = text.split("\n")
    kept = ["" if "<" in line and _TAGS_ALONE.fullmatch(line) else line for line in lines]
    text = _ANCHOR.sub("", "\n".join(kept))
    text = _IN_FOLDED.sub(lambda found: found[1] or found[2] or found[0], text)
    for _ in range(3):  # bold inside italics
        before = text
        text = _BARE.sub(r"\2", text)
        for pair, mark in _PAIRS:
            text = pair.sub(rf"{mark}\2{mark}", text)
        text = _IMAGE.sub(_image, _LINK.sub(_link, text))
        if text == before:
            break
    return "\n".join(_broken(line) for line in text.split("\n")) if "<br" in text.lower() else text


def _broken(line: str) -> str:
    """`<br>` as a line's end, but in tables, which have no other."""
    return line if line.lstrip().startswith("|") else _BREAK.sub(r"  \n", line).removesuffix("  \n")


def _link(found: re.Match[str]) -> str:
    href = _HREF.search(found[1])
    return f"[{found[2]}]({href[1]})" if href else found[0]


def _image(found: re.Match[str]) -> str:
    given = {name.lower(): value for name, value in _ATTRIBUTE.findall(found[1])}
    return f"![{given.get('alt', '')}]({given['src']})" if given.get("src") else found[0]
