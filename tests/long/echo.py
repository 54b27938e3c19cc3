"""A stub of Ollama whose answers can be told apart: each ends with the mark of the question it answers."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from tools.bench.serving.stubs import Generation, Ollama

_REMEMBERED = 5000  # marks
# Of the entry that the stub of Elasticsearch finds first: with its words a question is as surely answered by
# it as without them, and an answer as well supported.
_DIGITS = ["questions", "own", "machine", "retrieves", "entries", "matter", "local", "language"]
_DIGITS += ["model", "writes", "short", "answer", "cites", "command", "compose", "file"]
_PLACES = 5
_MARK = re.compile(rf"«(?:(?:{'|'.join(_DIGITS)}) ?){{{_PLACES}}}»")


def mark_of(number: int) -> str:
    """Words that distinguish a question from a million others."""
    base = len(_DIGITS)
    return f"«{' '.join(_DIGITS[number // base**place % base] for place in range(_PLACES))}»"


@dataclass
class Writing:
    """One generation; times are time.monotonic()'s."""

    began: float
    ended: float | None = None
    whole: bool = False


@dataclass
class Written:
    """All generations for one mark."""

    writings: list[Writing] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)  # none runs

    def __post_init__(self) -> None:
        self.idle.set()

    @property
    def running(self) -> Writing | None:
        return next((each for each in self.writings if each.ended is None), None)


class Echo(Ollama):
    def __init__(self, answer: list[str]) -> None:
        super().__init__(answer)
        self.written: dict[str, Written] = defaultdict(Written)
        self._running: dict[Generation, tuple[Written, Writing]] = {}

    def answer_to(self, mark: str) -> str:
        """Without the reference at its end, whose number is askd's affair."""
        return "".join(self._said(mark)[:-1])

    def tokens(self, generation: Generation) -> list[str]:
        mark = _asked(generation.body["messages"])
        written, writing = self.written[mark], Writing(time.monotonic())
        written.writings.append(writing)
        written.begun.set()
        written.idle.clear()
        self._running[generation] = written, writing
        if len(self.written) > _REMEMBERED:
            del self.written[next(iter(self.written))]
        return self._said(mark)

    def ended(self, generation: Generation, *, left: bool) -> None:
        written, writing = self._running.pop(generation)
        writing.ended, writing.whole = time.monotonic(), not left
        if written.running is None:
            written.idle.set()
        super().ended(generation, left=left)

    def _said(self, mark: str) -> list[str]:
        return [*islice(cycle(self._words), self.pace.tokens - 2), f" {mark}", " [1]"]


def _asked(messages: Sequence[dict[str, str]]) -> str:
    found = _MARK.findall(messages[-1]["content"])
    return found[-1] if found else ""
