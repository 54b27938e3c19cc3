"""Citation marks in the model's words: `[2]` says which entry a sentence rests on.

The prompt numbers its entries in id order, the caller's sources are numbered best first: marks are rewritten
from one numbering to the other while the text streams, and marks without an entry are removed. Inside `code`
a bracket is an index, not a mark, and stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MARK = re.compile(r"\[\s*\d{1,3}(?:\s*[,;]\s*\d{1,3})*\s*\]")
_MARK_BEGINS = re.compile(r"\[[\s\d,;]{0,40}\Z")


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
