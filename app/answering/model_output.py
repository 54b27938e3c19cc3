"""Readers of a model's reply: pieces of it in, pieces of the answer out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.answering.citations import MarkRewriter

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
