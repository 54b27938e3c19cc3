"""Cache of answers, bounded in number, memory and age."""

import time
import unicodedata
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import NamedTuple, Protocol

from cachetools import TLRUCache

from app.domain import Answer, Mode, Question, Status, Turn

_DECLINED_SECONDS = 60.0  # a FAQ may learn the answer, and a decline costs little to find again
_ANSWER_BYTES = 512  # about, of an answer without its texts, and of each source


class AnswerKey(NamedTuple):
    """Everything that an answer depends on."""

    question: str
    collection: str | None
    limit: int
    mode: Mode
    index_version: str
    model: str  # name and digest
    prompt_version: int
    history: tuple[Turn, ...]

    @classmethod
    def of(cls, question: Question, index: str, model: str, prompt: int) -> "AnswerKey":
        # Not without punctuation: "C" is not "C++".
        text = " ".join(unicodedata.normalize("NFKC", question.text).casefold().split())
        history = tuple(question.history)
        return cls(text, question.collection, question.limit, question.mode, index, model, prompt, history)

    def at(self, index_version: str) -> "AnswerKey":
        """The same with another version of the index."""
        return self._replace(index_version=index_version)


class Answers(Protocol):
    """A cache of answers: this process's own, or one that replicas share."""

    async def get(self, key: AnswerKey) -> Answer | None: ...

    async def put(self, key: AnswerKey, answer: Answer) -> None:
        """Degraded answers are not cached: a better one may come soon."""
        ...

    def __len__(self) -> int: ...

    @property
    def size_bytes(self) -> float:
        """About, of the answers in this process."""
        ...


class AnswerCache:
    """The least recently used answers are evicted; an answer is cached for `seconds` at most."""

    def __init__(
        self, entries: int, size_bytes: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # cachetools has a single bound, so an answer counts for at least its share of the bytes.
        self._least = size_bytes / entries if entries else 0.0
        self._seconds = seconds
        self._answers: TLRUCache[Hashable, Answer] = TLRUCache(
            maxsize=size_bytes if entries else 0,
            ttu=self._until,
            timer=clock,
            getsizeof=self._weight,
        )

    @property
    def enabled(self) -> bool:
        return bool(self._answers.maxsize)

    async def get(self, key: AnswerKey) -> Answer | None:
        return self._answers.get(key)

    async def put(self, key: AnswerKey, answer: Answer) -> None:
        if self.keeps(answer):
            with suppress(ValueError):  # too large for the whole cache
                self._answers[key] = answer

    def keeps(self, answer: Answer) -> bool:
        return self.enabled and not any(notice.passing for notice in answer.notices)

    def seconds_for(self, answer: Answer) -> float:
        """How long the answer may be cached."""
        declined = answer.status is not Status.ANSWERED
        return min(_DECLINED_SECONDS, self._seconds) if declined else self._seconds

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def size_bytes(self) -> float:
        return self._answers.currsize

    def _until(self, _: Hashable, answer: Answer, now: float) -> float:
        return now + self.seconds_for(answer)

    def _weight(self, answer: Answer) -> float:
        texts = [answer.text]
        for source in answer.sources:
            entry = source.hit.entry
            texts += entry.id, entry.collection, entry.section, entry.question, entry.answer, entry.url or ""
        size = _ANSWER_BYTES * (1 + len(answer.sources)) + sum(len(text.encode()) for text in texts)
        return max(size, self._least)
