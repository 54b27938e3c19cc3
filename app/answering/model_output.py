"""Readers of a model's reply: pieces of it in, pieces of the answer out, and its citation marks on the way.

A mark such as `[2]` says which entry a sentence rests on. The prompt numbers its entries in id order, the
caller's sources are numbered best first: marks are rewritten from one numbering to the other while the text
streams, and marks without an entry are removed. Inside `code` a bracket is an index and stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

_MARK = re.compile(r"\[\s*\d{1,3}(?:\s*[,;]\s*\d{1,3})*\s*\]")
_MARK_BEGINS = re.compile(r"\[[\s\d,;]{0,40}\Z")
_DECLINES = (
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "i cannot answer",
    "i can't answer",
    "i'm sorry",
    "i am sorry",
    "sorry, ",
    "the faq does not",
    "the faq doesn't",
    "the entries do not",
    "the entries don't",
    "the faq entries do not",
    "the faq entries don't",
    "none of the entries",
    "there is no information",
    "no entry answers",
)


class OutputReader(Protocol):
    """Feed it the pieces of a reply, then `finish`."""

    declined: bool  # the model says that it does not know; the rest of the reply is of no use

    def feed(self, text: str) -> str:
        """As much of the answer as is certain by now; may be empty."""
        ...

    def finish(self) -> str:
        """The rest of the answer."""
        ...

    @property
    def cited(self) -> set[int]:
        """Positions (from 1) of the sources that the answer cites so far."""
        ...


class FreeText:
    """The model's own words: its marks are rewritten, and a reply that declines is recognised."""

    def __init__(self, positions: Mapping[int, int]) -> None:
        """`positions`: number of an entry in the prompt -> its position among the sources."""
        self._marks = MarkRewriter(positions)
        self._opening: str | None = ""  # held back until it is clear that the reply does not decline
        self.declined = False

    @property
    def cited(self) -> set[int]:
        return self._marks.cited

    def feed(self, text: str) -> str:
        if self._opening is not None:
            self._opening += text
            declines = says_unknown(self._opening)
            self.declined = declines is True
            if declines is not False:
                return ""
            text, self._opening = self._opening, None
        return self._marks.feed(text)

    def finish(self) -> str:
        opening, self._opening = self._opening or "", None
        return self._marks.feed(opening) + self._marks.finish()


@dataclass
class Quotation:
    """Whole sentences of the one entry in the prompt, chosen by the model; the mark is added."""

    position: int  # of that entry among the sources
    declined: bool = False
    cited: set[int] = field(default_factory=set)
    _silent: bool = True

    def feed(self, text: str) -> str:
        self._silent = self._silent and not text.strip()
        return text

    def finish(self) -> str:
        if self._silent:
            return ""
        self.cited.add(self.position)
        return f" [{self.position}]"


def says_unknown(text: str) -> bool | None:
    """Whether a reply that begins so declines; None while that is still open."""
    opening = text.lstrip().replace("’", "'").casefold()
    if opening.startswith(_DECLINES):
        return True
    return None if any(phrase.startswith(opening) for phrase in _DECLINES) else False


@dataclass
class MarkRewriter:
    """Feed it pieces of text, then `finish`; `cited` are the positions (from 1) of the sources cited."""

    positions: Mapping[int, int]  # label in the prompt -> position among the sources
    cited: set[int] = field(default_factory=set)
    _held: str = ""
    _in_code: bool = False

    def feed(self, text: str) -> str:
        """As much of the text as is certain by now; a mark that may still be incomplete is held back."""
        self._held += text
        out: list[str] = []
        while self._held:
            taken = self._take()
            if taken is None:
                break
            out.append(taken)
        return "".join(out)

    def finish(self) -> str:
        rest, self._held = self._held, ""
        return rest

    def _take(self) -> str | None:
        """The next run of text, rewritten; None when more is needed to decide."""
        held = self._held
        if self._in_code:
            end = held.find("`") + 1
            self._in_code = not end
            return self._consume(end or len(held))
        code, bracket = (_find(held, sign) for sign in "`[")
        start = min(code, bracket)
        # White space stays with what follows: it goes too when a mark behind it is removed.
        plain = len(held[:start].rstrip(" "))
        if plain:
            return self._consume(plain)
        if start == len(held):
            return None
        if code < bracket:
            self._in_code = True
            return self._consume(code + 1)
        if mark := _MARK.match(held, bracket):
            blank = self._consume(bracket)
            rewritten = self._rewritten(mark.group())
            self._consume(mark.end() - bracket)
            return blank + rewritten if rewritten else ""
        if _MARK_BEGINS.match(held, bracket):
            return None
        return self._consume(bracket + 1)

    def _consume(self, count: int) -> str:
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _rewritten(self, mark: str) -> str:
        labels = dict.fromkeys(int(label) for label in re.findall(r"\d+", mark))
        positions = [self.positions[label] for label in labels if label in self.positions]
        self.cited.update(positions)
        return "".join(f"[{position}]" for position in positions)


def _find(text: str, sign: str) -> int:
    found = text.find(sign)
    return len(text) if found < 0 else found
