"""Answers that one replica has cached, for all."""

import logging
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from app.domain import Answer, Support
from app.shared.base import Unavailable
from app.shared.keys import Keys
from app.traffic.answer_cache import AnswerCache, AnswerKey

log = logging.getLogger(__name__)

_ANSWER = TypeAdapter(Answer)


class Bytes(Protocol):
    async def read(self, key: str) -> bytes | None: ...
    async def write(self, key: str, value: bytes, seconds: float) -> None: ...


class SharedAnswers:
    """A cache of answers: first this replica's own, then that of all.

    What was made of the caller's words is shared with nobody: answers that quote the question, and those
    that say what no entry does.
    """

    def __init__(self, own: AnswerCache, store: Bytes, keys: Keys, variant: str) -> None:
        """`variant`: what answers depend on beside their key, such as the settings."""
        self.unreadable = 0  # answers found that are none
        self._own = own
        self._store = store
        self._keys = keys
        self._variant = variant

    async def get(self, key: AnswerKey) -> Answer | None:
        if answer := await self._own.get(key):
            return answer
        if not self._own.enabled:
            return None
        try:
            data = await self._store.read(self._name(key))
            return None if data is None else _ANSWER.validate_json(data)
        except Unavailable:
            return None
        except ValidationError:
            self.unreadable += 1
            log.warning("an answer in the shared cache is unreadable, and ignored")
            return None

    async def put(self, key: AnswerKey, answer: Answer) -> None:
        await self._own.put(key, answer)
        if not (self._own.keeps(answer) and _holds_no_question(answer)):
            return
        try:
            data = _ANSWER.dump_json(answer)
        except ValueError:  # half a character, which a model can write in JSON
            return
        try:
            await self._store.write(self._name(key), data, self._own.seconds_for(answer))
        except Unavailable:
            return

    def __len__(self) -> int:
        return len(self._own)

    @property
    def size_bytes(self) -> float:
        return self._own.size_bytes

    def _name(self, key: AnswerKey) -> str:
        turns = [(turn.role, turn.content) for turn in key.history]
        return self._keys.of("answer", self._variant, *key[:-1], turns)


def _holds_no_question(answer: Answer) -> bool:
    says_more = any(sentence.support is Support.UNMATCHED for sentence in answer.sentences)
    return answer.asked is None and not answer.parts and not says_more
