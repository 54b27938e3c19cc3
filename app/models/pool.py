"""One model on several servers, as one `LanguageModel`."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TypeVar

from app.errors import ModelError, ModelUnavailable, PromptTooLong
from app.models.base import Chunk, LanguageModel, ModelProfile, ModelStatus, Prompt
from app.traffic.admission import Admission
from app.traffic.circuit_breaker import CircuitBreaker, State
from app.traffic.deadline import NEVER

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_PATIENCE = 1.0  # seconds for the others once one server has answered; a readiness probe waits 2 s for all
_LOAD_PATIENCE = 10.0  # as many for loading; what is not loaded then is loaded by its first generation
_UNTIL_LOOKED_AT = 20.0  # seconds: more than `ModelWatch` lets go by between two looks


@dataclass(frozen=True, eq=False)
class Member:
    """The model on one server; `breaker` is the one that `llm` uses."""

    server: str  # host and port, without credentials; no two are the same
    llm: LanguageModel
    breaker: CircuitBreaker
    admission: Admission = field(default_factory=Admission)

    @property
    def fit(self) -> bool:
        """Whether a generation may be sent there. One that comes back is tried with a single one first."""
        idle = not (self.admission.serving or self.admission.waiting)
        return self.breaker.state is State.CLOSED or (self.breaker.state is State.HALF_OPEN and idle)


class ModelPool:
    """A `LanguageModel`. A generation goes to the server with the least predicted wait.

    One that fails before its first chunk is sent to another server; one that has begun is never sent again.
    A server where that happened is left out for as long as its circuit breaker pauses; one that `status` or
    `load` found failing or without the model, until it is found well.
    Of all servers it is expected that they have the same model; the smallest window is kept to.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._left_out: dict[Member, float] = {}  # until when, on its clock; unless there is no other
        self._loaded: set[Member] = set()  # as `status` last saw them
        # As last seen, and read again with each status, so that no question waits for it. One that is away
        # is expected to come back the same: cached answers are found by the digest of the pool.
        self._profiles: dict[Member, ModelProfile] = {}

    async def load(self) -> None:
        """On all servers; enough that one of them has it."""
        failures = await self._from_all(lambda llm: llm.load(), _LOAD_PATIENCE)
        for member, failure in self._each(failures):
            self._note(member, well=not isinstance(failure, ModelError))
        if all(isinstance(failure, ModelError) for failure in failures):
            raise next(failure for failure in failures if isinstance(failure, ModelError))

    async def profile(self) -> ModelProfile:
        if not self._profiles:
            await self._read_profiles(self.members)
        profiles = [self._profiles[member] for member in self.members if member in self._profiles]
        digests = dict.fromkeys(profile.digest for profile in profiles)  # mostly one
        window = min(profile.context_tokens for profile in profiles)
        return replace(profiles[0], digest="+".join(digests), context_tokens=window)

    async def _read_profiles(self, of: Sequence[Member]) -> None:
        """Raises the first failure where all fail."""
        found = await self._from_all(lambda llm: llm.profile(), _PATIENCE, of)
        profiles = {
            member: each for member, each in zip(of, found, strict=True) if isinstance(each, ModelProfile)
        }
        if not profiles:
            raise next(each for each in found if isinstance(each, ModelError))
        self._profiles |= profiles

    async def status(self) -> ModelStatus:
        """A server that does not answer while another one does counts as failed."""
        found = await self._from_all(lambda llm: llm.status(), _PATIENCE)
        for member, each in self._each(found):
            self._note(member, well=isinstance(each, ModelStatus) and each.present)
        self._loaded = {
            member for member, each in self._each(found) if isinstance(each, ModelStatus) and each.loaded
        }
        statuses = [each for each in found if isinstance(each, ModelStatus)]
        if not statuses:
            raise next(each for each in found if isinstance(each, ModelError))
        await self._read_profiles(
            [member for member, each in self._each(found) if isinstance(each, ModelStatus)]
        )
        sizes = [status.size_bytes for status in statuses if status.size_bytes is not None]
        gpu_sizes = [status.gpu_bytes for status in statuses if status.gpu_bytes is not None]
        return ModelStatus(
            statuses[0].name,
            present=any(status.present for status in statuses),
            loaded=any(status.loaded for status in statuses),
            size_bytes=sum(sizes) if sizes else None,
            gpu_bytes=sum(gpu_sizes) if gpu_sizes else None,
            servers={member.server: _trouble(each) for member, each in self._each(found)},
        )

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return await self._chosen().llm.count_tokens(texts)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        tried: list[Member] = []
        while True:
            member, began = self._chosen(tried), False
            try:
                with member.admission.enter(NEVER) as place:
                    await place.turn()
                    async with aclosing(member.llm.generate(prompt)) as chunks:
                        async for chunk in chunks:
                            began = True
                            yield chunk
                    place.complete()
                return
            except PromptTooLong:  # it would be so everywhere
                raise
            except ModelError as error:
                if began:
                    raise
                self._leave_out(member, member.breaker.pause)
                tried.append(member)
                if not self._fit(tried):
                    raise
                facts = {"server": member.server, "reason": str(error)}
                log.warning("a model server failed; the generation is sent to another one", extra=facts)

    def _chosen(self, tried: Collection[Member] = ()) -> Member:
        """Any, where none is fit: its circuit breaker says what is wrong."""
        return min(self._fit(tried) or self.members, key=self._wait)

    def _fit(self, tried: Collection[Member]) -> Sequence[Member]:
        return [member for member in self.members if member not in tried and member.fit]

    def _note(self, member: Member, *, well: bool) -> None:
        if well:
            self._left_out.pop(member, None)
        else:
            self._leave_out(member, _UNTIL_LOOKED_AT)

    def _leave_out(self, member: Member, seconds: float) -> None:
        self._left_out[member] = member.admission.clock() + seconds

    def preferred(self) -> Sequence[Member]:
        """Those that a generation would be sent to, best first."""
        now = [
            member for member in self._fit(()) if self._left_out.get(member, 0.0) <= member.admission.clock()
        ]
        return sorted(now or self.members, key=self._wait)

    def _wait(self, member: Member) -> tuple[float, bool, bool, float, float, int]:
        """How long it is still left out, then the predicted wait; among those that are free the fastest comes
        first. One that seems to be back comes before all: else a slow one would never be tried again.

        What a server takes is not known until one generation has ended there: the slowest other is assumed.
        """
        admission = member.admission
        left_out = max(self._left_out.get(member, 0.0) - admission.clock(), 0.0)
        back = member.breaker.state is State.HALF_OPEN and member in self._loaded
        mean = admission.service.mean
        queued = admission.serving + admission.waiting
        if mean:
            return left_out, not back, not admission.vacant, admission.predicted_wait, mean, queued
        slowest = max(other.admission.service.mean for other in self.members) or 1.0
        return left_out, not back, not admission.vacant, queued * slowest, mean, queued

    def _each(self, found: Sequence[_T]) -> Iterator[tuple[Member, _T]]:
        return zip(self.members, found, strict=True)

    async def _from_all(
        self,
        ask: Callable[[LanguageModel], Awaitable[_T]],
        patience: float,
        members: Sequence[Member] | None = None,
    ) -> Sequence[_T | ModelError]:
        """What each says, or its failure. Once one has answered, the others have `patience` more seconds: a
        server that is silent must not hold up the others."""

        async def asked(member: Member) -> _T | ModelError:
            try:
                return await ask(member.llm)
            except ModelError as error:
                return error

        tasks = [asyncio.create_task(asked(member)) for member in members or self.members]
        try:
            for first in asyncio.as_completed(tasks):
                if not isinstance(await first, ModelError):
                    break
            _, late = await asyncio.wait(tasks, timeout=patience)
        finally:
            for task in tasks:
                task.cancel()
        return [ModelUnavailable("it does not answer") if task in late else await task for task in tasks]


def _trouble(found: ModelStatus | ModelError) -> str | None:
    if isinstance(found, ModelError):
        return str(found)
    if not found.present:
        return f"{found.name} is not there"
    return None if found.loaded else f"{found.name} is not loaded"
