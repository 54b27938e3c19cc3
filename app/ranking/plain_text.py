"""The one plain-text form of FAQ text: what is embedded, what the prompt shows, and what the checks compare.

Entries may hold Markdown or HTML. A model that copies such text drops its markup, so an answer is compared
with what the model was shown, not with the marked-up original. Pure.
"""

import html
import re
import unicodedata
from functools import lru_cache

from app.ranking.stop_words import STOP_WORDS

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_TAGS = (
    "a|abbr|article|b|blockquote|br|center|code|dd|details|div|dl|dt|em|font|h[1-6]|hr|i|img|kbd|li|mark|ol|p|"
    "pre|section|small|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|u|ul"
)
_HIDDEN = (  # from the one to the other
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<(?:script|style)\b", re.IGNORECASE), re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)),
)
_BREAKING_TAG = re.compile(
    r"</?(?:br|p|div|li|ul|ol|tr|table|h[1-6]|blockquote|pre|dd|dt)\b[^<>]*>", re.IGNORECASE
)
_LINK_TAG = re.compile(
    r"<a\b[^<>]{0,500}?href=[\"']([^\"'<>]*)[\"'][^<>]{0,500}>([^<]*(?:<(?!/?a\b)[^<]*)*)</a\s*>",
    re.IGNORECASE,
)
_TAG = re.compile(rf"</?(?:{_TAGS})\b[^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\((<?[^()\s<>]+>?)(?:\s+\"[^\"\n]*\")?\)")
_SURE_MARKUP = re.compile(r"<br\s*/?>|<!--|<https?:|<mailto:", re.IGNORECASE)
_OPENED, _CLOSED = (re.compile(rf"{begin}({_TAGS})\b", re.IGNORECASE) for begin in ("<", "</"))
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*\*\*|\*\*|\*)(?=[^\s*])([^*\n]+?)(?<=[^\s*])\1(?![\w*])")
# But a name such as __init__ is no emphasis.
_UNDERSCORES = re.compile(r"(?<![\w_\\])(?!__\w+__)(__|_)(?=[^\s_])([^_\n]+?)(?<=[^\s_])\1(?![\w_])")
_HEADING = re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)+", re.MULTILINE)
_BLANK_LINES = re.compile(r"(?<![ \t])[ \t]*\n[ \t]*(?:\n[ \t]*)+")
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
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+")
_WIDE = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_SUFFIX = re.compile(r"(?:ingly|ings?|edly|ed|ies|es|s|ly|ions?|ments?|er|ers|able|al)$")
# Words that carry a sentence but none of its content.
_EMPTY_WORDS = """
yes cannot without never must may need needs never only still however therefore thus hence both each either
every own per via upon while whether until unless within because since though although there here ll ve didn
doesn isn aren wasn weren won wouldn shouldn couldn hasn haven t s nor neither none unable longer using used
use uses following follow follows make makes made sure get gets also first then
"""
_EMPTY = STOP_WORDS | frozenset(_EMPTY_WORDS.split())


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
    if "<" in text and _has_markup(text):
        for opening, closing in _HIDDEN:
            text = _without(text, opening, closing)
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


def _has_markup(text: str) -> bool:
    """Whether a tag is closed, or breaks a line: a lone "<b>" is what the text speaks of."""
    if _SURE_MARKUP.search(text):
        return True
    closed = {name.casefold() for name in _CLOSED.findall(text)}
    return any(name.casefold() in closed for name in _OPENED.findall(text))


def _without(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Without what is opened and closed, in linear time, also where nothing is closed."""
    pieces, at = [], 0
    while (begin := opening.search(text, at)) and (end := closing.search(text, begin.end())):
        pieces.append(text[at : begin.start()])
        at = end.end()
    return "".join([*pieces, text[at:]])


def _link(label: str, url: str) -> str:
    return url if label == url else f"{label} ({url})"


def folded(text: str) -> str:
    """The form two texts are compared in: quotes, dashes, spaces and compatibility characters made equal."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_FOLDED)).translate(_FOLDED).split())


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """`word` (casefolded) without a common English ending."""
    if len(word) <= 4 or not word.isascii():
        return word
    bare = _SUFFIX.sub("", word)
    if len(bare) < 3:
        return word
    return bare[:-1] if len(bare) > 4 and (bare[-1] == "e" or bare[-1] == bare[-2]) else bare.rstrip("e")


def stems(text: str) -> list[str]:
    """Stems of all words in order; a run of a script without spaces gives its pairs of characters."""
    out: list[str] = []
    for word in WORD.findall(text.casefold()):
        if _WIDE.fullmatch(word):
            out += [word[at : at + 2] for at in range(max(1, len(word) - 1))]
        else:
            out += [stem(part) for part in word.split("'") if part]
    return out


@lru_cache(maxsize=4_000)
def content(text: str) -> frozenset[str]:
    """Stems of the content words."""
    found = set[str]()
    for word in WORD.findall(text.casefold()):
        if _WIDE.fullmatch(word):
            found.update(word[at : at + 2] for at in range(max(1, len(word) - 1)))
            continue
        found.update(stem(part) for part in word.split("'") if len(part) > 1 and part not in _EMPTY)
    return frozenset(found)
