"""Thoughts that a reasoning model writes before or within its answer. Pure.

Servers that know a model's template take them out; old templates and GGUF files leave them in the text, some
of them without the opening tag, which stood in the prompt.
"""

import re
from dataclasses import dataclass, field

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad"
_OPENING = re.compile(rf"<(?:{_NAMES})>|◁think▷|\[THINK\]|<\|begin_of_thought\|>", re.IGNORECASE)
_CLOSING = re.compile(rf"</(?:{_NAMES})>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>", re.IGNORECASE)
_TAGS = [
    *(f"<{slash}{name}>" for name in _NAMES.split("|") for slash in ("", "/")),
    *("◁think▷", "◁/think▷", "[think]", "[/think]", "<|begin_of_thought|>", "<|end_of_thought|>"),
]
_LONGEST = max(map(len, _TAGS))


@dataclass
class ThoughtFilter:
    """Feed it pieces; what it gives back is no thought.

    `retracted` counts the closing tags without an opening one: what was given back before was thought.
    """

    quoted: str = ""  # text of the entries: a tag that stands there is text, but for the first thing said
    retracted: int = 0
    _held: str = ""
    _thinking: bool = False
    _said: bool = field(default=False)

    def feed(self, piece: str) -> str:
        self._held += piece
        return self._taken(final=False)

    def finish(self) -> str:
        return self._taken(final=True)

    def _taken(self, *, final: bool) -> str:
        out = ""
        while self._held:
            if self._thinking:
                closing = _CLOSING.search(self._held)
                if not closing:
                    self._held = "" if final else self._held[-_LONGEST:]
                    return out
                self._held, self._thinking = self._held[closing.end() :].lstrip(), False
                continue
            opening, closing = _OPENING.search(self._held), _CLOSING.search(self._held)
            tag = min(
                (each for each in (opening, closing) if each), key=lambda each: each.start(), default=None
            )
            if tag is None:
                keep = 0 if final else _growing(self._held)
                out += self._held[: len(self._held) - keep]
                self._held = self._held[len(self._held) - keep :]
                break
            before, self._held = self._held[: tag.start()], self._held[tag.end() :]
            if ((out + before).strip() or self._said) and tag.group() in self.quoted:
                out += before + tag.group()
                continue
            if tag is closing:
                self.retracted += 1
                out, self._said = "", False
                self._held = self._held.lstrip()
            else:
                out, self._thinking = out + before, True
        self._said = self._said or bool(out.strip())
        return out


def _growing(text: str) -> int:
    """How many characters at the end may become a tag."""
    low = text[-_LONGEST:].casefold()
    return next(
        (
            size
            for size in range(min(len(low), _LONGEST), 0, -1)
            if any(tag.startswith(low[-size:]) for tag in _TAGS)
        ),
        0,
    )
