"""What the assistant adds to the pipeline: single flight, the cache, deadlines."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from app.answering.service import Assistant
from app.domain import Answer, Mode, Origin, Question, Replacement, Status, Text
from app.embedders.base import Vector
from app.errors import DeadlineExceeded, ModelUnavailable, Overloaded
from app.indexes.base import SearchResult
from app.indexes.memory import MemoryIndex, manifest_of, records_of
from app.models.base import Chunk, Prompt
from app.models.scripted import ScriptedModel
from app.traffic.admission import Admission
from app.traffic.deadline import NEVER, Deadline
from tests.support.assistant import assistant_of
from tests.support.clock import JUMPING, loop_time
from tests.support.faq import FAQ, JOIN

pytestmark = pytest.mark.anyio
LATE = Question("Is it possible to join the course at any time?")
GENERATE = replace(LATE, mode=Mode.GENERATE)
OTHER = Question("Can I join the course at any other time?")


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return JUMPING


class CountingIndex(MemoryIndex):
    searches = 0
    gate: asyncio.Event | None = None  # a search waits for it

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        self.searches += 1
        if self.gate:
            await self.gate.wait()
        return await super().search(
            question, vector=vector, collection=collection, size=size, context=context
        )


@pytest.fixture
def llm() -> ScriptedModel:
    return ScriptedModel(script=["Yes, ", "you can join ", "at any time."], loaded=True)


@pytest.fixture
def index() -> CountingIndex:
    return CountingIndex(FAQ)


@pytest.fixture
async def assistant(index: CountingIndex, llm: ScriptedModel) -> Assistant:
    """One that caches answers and has seen its model."""
    assistant = assistant_of(
        index, llm, admission=Admission(clock=loop_time), cache_entries=100, clock=loop_time
    )
    await assistant.watch.look()
    return assistant


async def begun(
    assistant: Assistant, llm: ScriptedModel, question: Question, count: int
) -> list[asyncio.Task[Answer]]:
    """So many who ask the same, while the model holds its breath."""
    llm.pause.clear()
    tasks = [asyncio.ensure_future(assistant.ask(question)) for _ in range(count)]
    while not llm.prompts:
        await asyncio.sleep(0)
    return tasks


async def test_an_answer_is_cached_and_says_so(assistant: Assistant, llm: ScriptedModel) -> None:
    first, second = await assistant.ask(LATE), await assistant.ask(LATE)
    assert (first.cached, second.cached, len(llm.prompts)) == (False, True, 1)
    assert replace(second, cached=False, timings=first.timings) == first
    async with assistant.reply(LATE) as reply:
        *texts, last = [event async for event in reply.events]
    assert isinstance(last, Answer)
    assert (last.cached, len(texts), len(llm.prompts)) == (True, 1, 1)


async def test_a_fresh_answer_comes_from_the_model(assistant: Assistant, llm: ScriptedModel) -> None:
    await assistant.ask(LATE)
    assert not (await assistant.ask(LATE, fresh=True)).cached
    assert len(llm.prompts) == 2


async def test_a_fresh_answer_is_not_shared_and_cached_from_then_on(
    index: CountingIndex, llm: ScriptedModel
) -> None:
    assistant = assistant_of(index, llm, admission=Admission(2, loop_time), cache_entries=100)
    await assistant.watch.look()
    (shared,) = await begun(assistant, llm, LATE, 1)
    fresh = asyncio.ensure_future(assistant.ask(LATE, fresh=True))
    while len(llm.prompts) < 2:
        await asyncio.sleep(0)
    llm.pause.set()
    assert not (await shared).cached
    assert not (await fresh).cached
    assert (await assistant.ask(LATE)).cached


async def test_a_new_index_or_another_model_has_answers_of_its_own(
    assistant: Assistant, index: CountingIndex, llm: ScriptedModel
) -> None:
    await assistant.ask(LATE)
    assistant.watch.model = "scripted@another"
    assert not (await assistant.ask(LATE)).cached
    await index.publish(manifest_of(FAQ, "2"), records_of(FAQ), lambda _: None)
    assert not (await assistant.ask(LATE)).cached
    assert len(llm.prompts) == 3


class RolledBack(MemoryIndex):
    """Version 2 serves; told so, it is rolled back to version 1 just before a search."""

    def __init__(self) -> None:
        super().__init__()
        self.roll_back = False

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        if self.roll_back:
            self.roll_back = False
            await self.rollback()
        return await super().search(
            question, vector=vector, collection=collection, size=size, context=context
        )


async def test_an_answer_is_cached_for_the_version_that_was_searched() -> None:
    index = RolledBack()
    old = replace(JOIN, answer="No, it is too late to join the course.")
    await index.publish(manifest_of([old], "1"), records_of([old]), lambda _: None)
    await index.publish(manifest_of([JOIN], "2"), records_of([JOIN]), lambda _: None)
    assistant = assistant_of(index, ScriptedModel(), cache_entries=100)
    await assistant.watch.look()
    exact = Question(JOIN.question)
    index.roll_back = True
    assert (await assistant.ask(exact)).text == old.answer
    again = await assistant.ask(exact)
    assert (again.text, again.cached) == (old.answer, True)  # version 1 serves
    await index.rollback()  # to version 2, again
    assert (await assistant.ask(exact)).text == JOIN.answer


async def test_before_the_model_is_known_nothing_is_cached(llm: ScriptedModel) -> None:
    assistant = assistant_of(MemoryIndex(FAQ), llm, cache_entries=100)
    await assistant.ask(LATE)
    assert not (await assistant.ask(LATE)).cached


async def test_a_degraded_answer_is_not_cached(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.script = [ModelUnavailable("down")]
    assert (await assistant.ask(LATE)).origin is Origin.EXTRACTED
    llm.script = ["You can join at any time."]
    assert (await assistant.ask(LATE)).origin is Origin.GENERATED


async def test_a_failure_is_not_cached(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.script = [ModelUnavailable("down")]
    with pytest.raises(ModelUnavailable):
        await assistant.ask(GENERATE)
    llm.script = ["You can join at any time."]
    assert not (await assistant.ask(GENERATE)).cached
    assert len(assistant.cache) == 1


async def test_a_decline_is_cached_too(assistant: Assistant) -> None:
    unknown = Question("What is the capital of France?")
    first, second = await assistant.ask(unknown), await assistant.ask(unknown)
    assert (first.status, first.cached, second.cached) == (Status.NO_ANSWER, False, True)


async def test_callers_who_ask_the_same_share_one_generation(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    tasks = await begun(assistant, llm, LATE, 5)
    llm.pause.set()
    answers = await asyncio.gather(*tasks)
    assert len({answer.text for answer in answers}) == len(llm.prompts) == 1


async def test_a_generation_ends_when_the_last_of_them_leaves(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    one, other = await begun(assistant, llm, LATE, 2)
    one.cancel()
    await asyncio.wait([one])
    assert not llm.closed
    other.cancel()
    await asyncio.wait([other])
    assert llm.closed
    assert assistant.pipeline.admission.serving == 0


async def test_a_caller_who_joins_later_has_timings_of_its_own(
    assistant: Assistant, index: CountingIndex, llm: ScriptedModel
) -> None:
    index.gate = asyncio.Event()
    first = asyncio.ensure_future(assistant.ask(LATE))
    await asyncio.sleep(5)
    second = asyncio.ensure_future(assistant.ask(LATE))
    await asyncio.sleep(0)
    index.gate.set()
    own, joined = (await first).timings, (await second).timings
    assert own.retrieve == own.total == own.first_token == pytest.approx(5000)
    assert joined.retrieve == joined.total == joined.first_token == 0


async def test_nobody_is_late_because_another_one_was_in_a_hurry(
    assistant: Assistant, index: CountingIndex
) -> None:
    index.gate = asyncio.Event()
    hasty = asyncio.ensure_future(assistant.ask(LATE, Deadline.after(5)))
    while not index.searches:
        await asyncio.sleep(0)
    patient = asyncio.ensure_future(assistant.ask(LATE, Deadline.after(60.0)))
    with pytest.raises(DeadlineExceeded):
        await hasty
    index.gate.set()
    assert (await patient).origin is Origin.GENERATED


async def test_nobody_is_refused_because_another_one_was_in_a_hurry(
    index: CountingIndex, llm: ScriptedModel
) -> None:
    admission = Admission(clock=loop_time)
    admission.service.learn(2.0)
    assistant = assistant_of(index, llm, admission=admission)
    with admission.enter(NEVER) as busy:
        await busy.turn()
        hasty = asyncio.ensure_future(assistant.ask(GENERATE, Deadline.after(6)))
        while not admission.waiting:
            await asyncio.sleep(0)
        patient = asyncio.ensure_future(assistant.ask(GENERATE, Deadline.after(60.0)))
        later = asyncio.ensure_future(assistant.ask(OTHER, Deadline.after(60.0)))
        with pytest.raises((Overloaded, DeadlineExceeded)):
            await hasty
        assert not patient.done()
        assert admission.waiting == 2
    await asyncio.wait([patient, later], return_when=asyncio.FIRST_COMPLETED)
    assert (patient.done(), later.done()) == (True, False)  # it has kept its place
    assert (await patient).origin is Origin.GENERATED
    await later
    assert len(llm.prompts) == 2


@pytest.mark.parametrize("leaves", [True, False])
async def test_whoever_joined_keeps_the_place_when_the_first_leaves(
    index: CountingIndex, llm: ScriptedModel, leaves: bool
) -> None:
    """Also past the deadline of the first, for which the place in the queue was taken."""
    admission = Admission(clock=loop_time)
    assistant = assistant_of(index, llm, admission=admission)
    with admission.enter(NEVER) as busy:
        await busy.turn()
        first = asyncio.ensure_future(assistant.ask(GENERATE, Deadline.after(10)))
        await asyncio.sleep(1)
        joined = asyncio.ensure_future(assistant.ask(GENERATE, Deadline.after(60)))
        await asyncio.sleep(1)
        later = asyncio.ensure_future(assistant.ask(OTHER, Deadline.after(60)))
        await asyncio.sleep(1)
        if leaves:
            first.cancel()
        await asyncio.wait([first])
        await asyncio.sleep(20)
        assert admission.waiting == 2
    await asyncio.wait([joined, later], return_when=asyncio.FIRST_COMPLETED)
    assert (joined.done(), later.done()) == (True, False)
    assert (await joined).origin is Origin.GENERATED
    await later


async def test_whoever_joined_is_refused_where_the_shared_answer_would_come_too_late(
    index: CountingIndex, llm: ScriptedModel
) -> None:
    admission = Admission(clock=loop_time)
    for _ in range(8):
        admission.service.learn(10.0)
    assistant = assistant_of(index, llm, admission=admission)
    with admission.enter(NEVER) as busy:
        await busy.turn()
        patient = asyncio.ensure_future(assistant.ask(GENERATE, Deadline.after(60)))
        patient_auto = asyncio.ensure_future(assistant.ask(LATE, Deadline.after(60)))
        await asyncio.sleep(0.5)
        began = loop_time()
        with pytest.raises(Overloaded):
            await assistant.ask(GENERATE, Deadline.after(15))
        answer = await assistant.ask(LATE, Deadline.after(15))
        assert [notice.code for notice in answer.notices] == ["overloaded"]
        assert loop_time() == began
    assert (await patient).origin is (await patient_auto).origin is Origin.GENERATED


async def test_at_the_deadline_the_faq_speaks_for_a_model_that_is_late(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    llm.pause.clear()
    answer = await assistant.ask(LATE, Deadline.after(0.1))
    assert (answer.origin, answer.text) == (Origin.EXTRACTED, JOIN.answer)
    assert [notice.code for notice in answer.notices] == ["model_timeout"]
    with pytest.raises(DeadlineExceeded):
        await assistant.ask(GENERATE, Deadline.after(0.1))
    assert llm.closed


class StallingModel(ScriptedModel):
    """Says what its script says, then nothing more, and comes to no end."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        async with aclosing(super().generate(prompt)) as chunks:
            async for chunk in chunks:
                if chunk.usage:
                    await asyncio.Event().wait()
                yield chunk


async def test_what_was_written_until_the_deadline_is_taken_back(index: CountingIndex) -> None:
    llm = StallingModel(script=["You can join."])
    async with assistant_of(index, llm).reply(LATE, Deadline.after(0.3)) as reply:
        *texts, replacement, answer = [event async for event in reply.events]
    assert {type(text) for text in texts} == {Text}
    assert replacement == Replacement(JOIN.answer)
    assert isinstance(answer, Answer)
    assert [notice.code for notice in answer.notices] == ["model_timeout"]
    assert llm.closed


async def test_leaving_a_reply_stops_the_model_and_leaves_nothing_behind(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    tasks = asyncio.all_tasks()
    llm.pause.clear()
    async with assistant.reply(LATE):
        pass
    assert llm.closed
    assert asyncio.all_tasks() == tasks

    llm.script = [ModelUnavailable("gone")]
    async with assistant.reply(GENERATE):
        llm.pause.set()
        while not llm.closed:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)  # what it raised is there, and nobody reads it
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert complaints == []
    assert asyncio.all_tasks() == tasks
    assert assistant.pipeline.admission.serving == 0


async def test_who_would_wait_too_long_is_refused_before_any_search_or_gets_the_faqs_words(
    index: CountingIndex, llm: ScriptedModel
) -> None:
    admission = Admission(clock=loop_time)
    admission.service.learn(60.0)
    await admission.enter(NEVER).turn()
    assistant = assistant_of(index, llm, admission=admission)
    with pytest.raises(Overloaded):
        await assistant.ask(GENERATE, Deadline.after(30.0))
    assert index.searches == 0
    answer = await assistant.ask(LATE, Deadline.after(30.0))
    assert (answer.status, answer.origin) == (Status.ANSWERED, Origin.EXTRACTED)
    assert [notice.code for notice in answer.notices] == ["overloaded"]
    assert llm.prompts == []


async def test_the_wait_for_the_slot_is_told(assistant: Assistant, llm: ScriptedModel) -> None:
    (first,) = await begun(assistant, llm, LATE, 1)
    second = asyncio.ensure_future(assistant.ask(OTHER))
    await asyncio.sleep(5)
    llm.pause.set()
    assert (await first).timings.queue == 0
    timings = (await second).timings
    assert timings.queue == timings.total == pytest.approx(5000)
    assert timings.queue_position == 1
