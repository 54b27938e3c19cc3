"""The one plain-text form of FAQ text: what the prompt shows and what every check of an answer compares.

Entries may hold Markdown or HTML. A model that copies such text drops its markup, so an answer is compared
with what the model was shown, not with the marked-up original. Pure.
"""

import html
import re
import unicodedata
from functools import lru_cache

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_TAGS = (
    "a|abbr|article|b|blockquote|br|center|code|dd|details|div|dl|dt|em|font|h[1-6]|hr|i|img|kbd|li|mark|ol|p|"
    "pre|section|small|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|u|ul"
)
_COMMENT = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_BREAKING_TAG = re.compile(
    r"</?(?:br|p|div|li|ul|ol|tr|table|h[1-6]|blockquote|pre|dd|dt)\b[^<>]*>", re.IGNORECASE
)
_LINK_TAG = re.compile(r"<a\b[^<>]*?href=[\"']([^\"'<>]*)[\"'][^<>]*>(.*?)</a\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_TAGS})\b[^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\((<?[^()\s<>]+>?)(?:\s+\"[^\"\n]*\")?\)")
# A tag that is closed, or breaks a line: a lone "<b>" is what the text speaks of.
_MARKUP = re.compile(
    rf"<({_TAGS})\b[^<>]*>.*?</\1\s*>|<br\s*/?>|<!--|<https?:|<mailto:", re.DOTALL | re.IGNORECASE
)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*\*\*|\*\*|\*)(?=[^\s*])([^*\n]+?)(?<=[^\s*])\1(?![\w*])")
_UNDERSCORES = re.compile(r"(?<![\w_\\])(__|_)(?=[^\s_])([^_\n]+?)(?<=[^\s_])\1(?![\w_])")
_HEADING = re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)+", re.MULTILINE)
_BLANK_LINES = re.compile(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+")
_FOLDED = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "\u00ad": "",
        "\u200b": "",
        "\ufeff": "",
    }
)


@lru_cache(maxsize=2_000)  # entries come again with every question about them
def plain(text: str) -> str:
    """`text` without Markdown emphasis, links and HTML tags; code stays as it is."""
    pieces, end = [], 0
    for code in _CODE.finditer(text):
        pieces += [_prose(text[end : code.start()]), code.group()]
        end = code.end()
    pieces.append(_prose(text[end:]))
    return "".join(pieces).strip()


def _prose(text: str) -> str:
    if "<" in text and _MARKUP.search(text):
        text = _COMMENT.sub("", text)
        text = _LINK_TAG.sub(lambda link: f"{link[2]} ({link[1]})", text)
        text = _TAG.sub("", _BREAKING_TAG.sub("\n", text))
        text = _AUTOLINK.sub(r"\1", text)
    if "&" in text:
        text = html.unescape(text)
    if "](" in text:
        text = _LINK.sub(lambda link: _link(link[1], link[2].strip("<>")), text)
    if "*" in text:
        text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    if "_" in text:
        text = _UNDERSCORES.sub(r"\2", text)
    text = _HEADING.sub("", text.replace("\u00a0", " "))
    return _BLANK_LINES.sub("\n\n", text)


def _link(label: str, url: str) -> str:
    return url if label == url else f"{label} ({url})"


def folded(text: str) -> str:
    """The form two texts are compared in: quotes, dashes, spaces and compatibility characters made equal."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_FOLDED)).translate(_FOLDED).split())
