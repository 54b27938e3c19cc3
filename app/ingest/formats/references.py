"""What Markdown keeps in another place than it is used: link targets and footnotes.

Each entry is cut out of its document, so that a link's target at the end of the document would be lost to
all but the last.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.ingest.cleaning import CODE


def _beside_code(pattern: str) -> re.Pattern[str]:
    """Finds code, too, as what stands in it is none of this: `ours` is empty then."""
    return re.compile(f"(?:{CODE.pattern})|(?P<ours>{pattern})", re.MULTILINE | re.DOTALL)


_DEFINITION = _beside_code(
    r"^ {0,3}\[(?P<label>[^\]\[^\n][^\]\[\n]{0,200})\]:[ \t]+<?(?P<url>[^\s<>]+)>?"
    r"(?P<title>[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$"
)
_FOOTNOTE = _beside_code(
    r"^\[\^(?P<label>[^\]\s]{1,100})\]:[ \t]*"
    r"(?P<text>[^\n]*(?:\n(?:[ \t]*\n)?(?: {4}|\t)[^\n]*)*)"
)
_USED = _beside_code(
    r"(?<![\]\\])\[(?P<text>(?:[^\[\]\n]|\[[^\[\]\n]*\]){1,500})\]"
    r"(?:\[(?P<label>[^\[\]\n]{0,200})\])?(?![\[(:])"
)
_MARK = re.compile(r"\[\^([^\]\s]{1,100})\]")
_UP = r"(?:top|up|toc|table of contents|contents|nach oben|zurück|retour en haut|arriba|↑|⬆️?|🔝|回到顶部)"
_LINK_UP = rf"\[[^\]\n]{{0,30}}{_UP}[^\]\n]{{0,10}}\]\(#[^)\n]*\)"
_TO_TOP = re.compile(
    r"(?:\n[ \t]*(?:<[^>\n]{1,100}>|[*_( \t])*"
    rf"(?:{_LINK_UP}|\W{{0,5}}back to (?:the )?{_UP}\W{{0,5}})|[ \t]+[*_(]*{_LINK_UP})"
    r"(?:</?[a-z][^>\n]{0,100}>|[*_) \t])*\s*\Z",
    re.IGNORECASE,
)


class References(NamedTuple):
    footnotes: Mapping[str, str]

    def added(self, answer: str) -> str:
        """The answer with the footnotes that it refers to."""
        if not self.footnotes or "[^" not in answer:
            return answer
        used = dict.fromkeys(label for label in _MARK.findall(answer) if label in self.footnotes)
        notes = "\n".join(f"[^{label}]: {self.footnotes[label]}" for label in used)
        return f"{answer.rstrip()}\n\n{notes}" if notes else answer


def resolved(text: str) -> tuple[str, References]:
    """The text with its links written out; and its footnotes. Line numbers stay."""
    targets: dict[str, str] = {}
    footnotes: dict[str, str] = {}

    def footnote(found: re.Match[str]) -> str:
        footnotes.setdefault(found["label"], found["text"].strip())
        return "\n" * found[0].count("\n")

    def target(found: re.Match[str]) -> str:
        targets.setdefault(_label(found["label"]), f"{found['url']}{found['title'] or ''}")
        return ""

    def link(found: re.Match[str]) -> str:
        wanted = targets.get(_label(found["label"] or found["text"]))
        return f"[{found['text']}]({wanted})" if wanted else found[0]

    if "[^" in text:
        text = _changed(_FOOTNOTE, text, footnote)
    if "]:" in text:
        text = _changed(_DEFINITION, text, target)
    if targets:
        text = _changed(_USED, text, link)
    return text, References(footnotes)


def without_way_up(answer: str) -> str:
    """Without the link to the top of the page that an answer ends with."""
    kept, end = answer[:-400], answer[-400:]
    return kept + _TO_TOP.sub("", f"\n{end}").removeprefix("\n")


def _label(text: str) -> str:
    return " ".join(text.split()).casefold()


def _changed(pattern: re.Pattern[str], text: str, change: Callable[[re.Match[str]], str]) -> str:
    return pattern.sub(lambda found: found[0] if found["ours"] is None else change(found), text)
