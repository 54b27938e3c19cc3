"""Text as it goes into the index: NFC, no control characters, Markdown instead of HTML, whole links."""

import html
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from app.ranking.text import composed

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# Control characters but tab and line ends, surrogates, and the private characters our own readers mark with.
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")
_VERTICAL = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")  # Word's line breaks among them

_TAG = (
    r"</?(?:{})(?:\s+[a-zA-Z:_-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>\"'][^\s>]*)?"
    r"|\s+(?:open|hidden|async|defer|reversed|allowfullscreen))*\s*/?>"
)
_BLOCKS = re.compile(
    _TAG.format(r"p|div|ul|ol|li|table|tr|td|th|tbody|h[1-6]|pre|blockquote|dl|section|article|html|body"),
    re.IGNORECASE,
)
_INLINES = re.compile(
    _TAG.format(
        r"a|b|i|u|s|em|strong|span|code|kbd|br|hr|sup|sub|small|mark|font|img|script|style|iframe|svg|noscript"
        r"|object|embed|form|input|button|link|meta"
    ),
    re.IGNORECASE,
)
_PAIRED = frozenset({"b", "i", "u", "s", "em", "strong", "code", "kbd", "sup", "sub", "small", "mark"})
_ACTIVE = re.compile(
    r"<(script|style|iframe|object|noscript|svg|form|template)\b[^>]*>.*?(?:</\1\s*>|\Z)"
    r"|</?(?:script|style|iframe|object|embed|link|meta|base|input|button|form)\b[^>]*>"
    r"|\s(?=on[a-z]+\s*=)on[a-z]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)(?=[^<]*>)",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED_END = re.compile(
    r"&lt;/(?:p|div|ul|ol|li|table|h[1-6]|pre|a|b|i|em|strong|span|code)\s*&gt;", re.IGNORECASE
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
CODE = re.compile(
    r"^(`{3,}|~{3,})[^\n]*\n.*?(?:^\1[`~]*[ \t]*$|\Z)|(?<!`)(`+)(?!`)[^\n]*?(?<!`)\2(?!`)", re.M | re.S
)
_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|nbsp|quot|apos|[lr][sd]quo|hellip|[mn]dash|euro|bull);", re.I
)
_LINK = re.compile(
    r"(?P<mark>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"\(\s*(?:<(?P<angle>[^<>\n]*)>|(?P<url>[^\s()]*(?:\([^\s()]*\)[^\s()]*)*))(?P<title>\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)"
)
_WEB_ADDRESS = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_LINE_MARK = re.compile(r"[ \t]*(?:(?:[-*+>]|\d{1,9}[.)]|#{1,6})[ \t]+)*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SAFE_SCHEMES = ("http:", "https:", "mailto:", "tel:", "ftp:", "sftp:", "ssh:")


def settled(text: str) -> tuple[str, bool]:
    """One form of line ends and accents, so that the same text gives the same id on every system; and
    whether there were control characters to take out."""
    if text.isascii() and text.isprintable():  # most fields: nothing to do
        return text.strip(), False
    stripped = _NO_TEXT.sub("", _ANSI.sub("", text.removeprefix("\ufeff")))
    unbroken = _VERTICAL.sub("\n", stripped)
    odd = len(stripped) != len(text.removeprefix("\ufeff")) or "\x0b" in text or "\x0c" in text
    return composed(unbroken.strip()), odd


def without_code(text: str, change: Callable[[str], str]) -> str:
    """The text with `change` done to all but its code: fences and spans stay as they are."""
    pieces, start = [], 0
    for code in CODE.finditer(text):
        pieces += [change(text[start : code.start()]), code[0]]
        start = code.end()
    return "".join([*pieces, change(text[start:])])


def has_html(text: str) -> bool:
    """Whether this is HTML, or Markdown with some of it, outside code."""
    if "<" not in text:
        return False
    plain = CODE.sub("", text)
    closed_comment = "-->" in plain.partition("<!--")[2]  # one that is not closed is text
    return closed_comment or bool(_BLOCKS.search(plain)) or _has_inline_html(plain)


def _has_inline_html(text: str) -> bool:
    """`a<b>c` is no HTML: what is written in pairs counts where it is closed, too."""
    tags = [found[0].lower() for found in _INLINES.finditer(text)]
    names = [tag.strip("</>").split()[0].rstrip("/") for tag in tags]
    closed = {name for tag, name in zip(tags, names, strict=True) if tag.startswith("</")}
    return any(
        name not in _PAIRED or (name in closed and not tag.startswith("</"))
        for tag, name in zip(tags, names, strict=True)
    )


def is_escaped_html(text: str) -> bool:
    """Whether this is HTML that was escaped once too often on its way out of some system."""
    return "<" not in text and "&lt;/" in text and bool(_ESCAPED_END.search(text))


def markdown_of(text: str) -> str:
    """HTML, or text with some of it, as Markdown; what runs or is hidden is gone."""
    if is_escaped_html(text):
        text = html.unescape(text)
    if "<" not in text:
        return decoded(text)
    if _BLOCKS.search(CODE.sub("", text)):
        from app.ingest.formats.html import to_markdown

        return to_markdown(text)
    return without_code(safe(text), _inline) if has_html(text) else text


def decoded(text: str) -> str:
    """Entities as characters, where they can be nothing else: a lone `&amp;` may be what is meant."""
    if "&" not in text or not _ENTITY.search(text):
        return text
    return without_code(text, lambda piece: _ENTITY.sub(_character, piece).replace("\xa0", " "))


def _character(entity: re.Match[str]) -> str:
    found = html.unescape(entity[0])
    return entity[0] if found in "<&" else found


def safe(text: str) -> str:
    """Markdown whose HTML runs nothing."""
    return without_code(text, lambda piece: _ACTIVE.sub("", piece)) if "<" in text else text


def _inline(text: str) -> str:
    from app.ingest.formats.html import to_markdown

    lines = []
    for line in _COMMENT.sub("", text).split("\n"):
        if _INLINES.search(line):
            start = _LINE_MARK.match(line)
            begin = start[0] if start else ""
            end = line[len(line.rstrip(" \t")) :]
            line = begin + to_markdown(line[len(begin) :].strip()) + end
        lines.append(line)
    return "\n".join(lines)


def plain_question(text: str) -> str:
    """A question without tags, entities, the bold around all of it and its number."""
    if "<" in text and has_html(text):
        text = re.sub(r"\s+", " ", markdown_of(text))
    text = decoded(text).strip()
    for mark in ("**", "__", "*", "_"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            inner = text[len(mark) : -len(mark)]
            if mark not in inner and inner.strip():
                text = inner.strip()
    return text


def web_address(url: str, base: str | None) -> str | None:
    """An absolute address; None where it is relative and there is no base, or no address of the web."""
    if url.lower().startswith("www."):
        url = f"https://{url}"
    if base and not _SCHEME.match(url):
        url = urljoin(base, url)
    try:
        urlsplit(url)
    except ValueError:
        return None
    return url if _WEB_ADDRESS.fullmatch(url) else None


def whole_links(text: str, base: str | None) -> tuple[str, int]:
    """The text with relative links resolved, or as words alone; and how many lost their target.

    Pictures without a base stay as they are: they are part of the text. Targets that run code always go.
    """
    if "](" not in text:
        return text, 0
    dropped = 0

    def one(link: re.Match[str]) -> str:
        nonlocal dropped
        url = link["angle"] if link["angle"] is not None else link["url"]
        scheme = _SCHEME.match(url)
        if scheme and scheme[0].lower() in _SAFE_SCHEMES:
            return link[0]
        if not scheme and base:
            try:
                resolved = urljoin(base, url)
            except ValueError:
                resolved = ""
            if resolved:
                return f"{link['mark']}[{link['text']}]({resolved}{link['title'] or ''})"
        if not scheme and link["mark"]:
            return link[0]
        dropped += 1
        return link["text"]

    return without_code(text, lambda piece: _LINK.sub(one, piece)), dropped
