"""What a call of a tool needs of the request that it came in."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from app.answering.service import Assistant
from app.api.context import RequestContext
from app.domain import Answer, FaqEntry, Question
from app.errors import UnknownCollection
from app.indexes.base import IndexStore
from app.traffic.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Door:
    assistant: Assistant
    store: IndexStore
    context: RequestContext
    deadline: Deadline
    admit: Callable[[], Awaitable[None]]  # counts against the rate limit; raises HTTPException
    answered: Callable[[Answer, Question], object]  # records what became of a question
    working: Callable[[], AbstractAsyncContextManager[None]]  # ended when the caller leaves

    async def entry(self, matches: Callable[[FaqEntry], bool]) -> FaqEntry:
        """Raises UnknownCollection where there is none, or what `IndexStore.records` raises."""
        async with self.deadline.limit("the search"):
            async for entry in self.store.records():
                if matches(entry):
                    return entry
        raise UnknownCollection("the FAQ has no such entry; the tool `search` finds those that there are")

    async def page(self, start: int, size: int) -> list[FaqEntry]:
        """The entries from number `start` on, in the index's order."""
        found: list[FaqEntry] = []
        at = 0
        async with self.deadline.limit("the search"):
            async for entry in self.store.records():
                if at >= start:
                    found.append(entry)
                at += 1
                if len(found) == size:
                    break
        return found
