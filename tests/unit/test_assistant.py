import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from app.answering.phrases import phrases
from app.answering.service import Assistant
from app.domain import Answer, Event, Mode, Origin, Question, Replacement, Status, Text
from app.embedders.base import Vector
from app.errors import (
    AskdError,
    ModelMissing,
    ModelTimeout,
    ModelUnavailable,
    NothingFits,
    PromptTooLong,
    QuestionTooLong,
    SearchUnavailable,
    UnknownCollection,
)
from app.indexes.base import SearchResult
from app.indexes.manifest import Manifest
from app.indexes.memory import MemoryIndex
from app.models.base import Chunk, Prompt
from app.models.scripted import ScriptedModel
from tests.support.assistant import assistant_of
from tests.support.faq import DOCKER, FAQ, JOIN, REFUND

NOT_IN_FAQ = phrases("english").no_answer

pytestmark = pytest.mark.anyio
LATE = Question("Is it possible to join the course at any time?")


@pytest.fixture
def llm() -> ScriptedModel:
    return ScriptedModel(script=["Yes, ", "you can join ", "at any time [", "1", "]."])


@pytest.fixture
def assistant(llm: ScriptedModel) -> Assistant:
    return assistant_of(MemoryIndex(FAQ), llm, prompt_tokens=400, answer_tokens=64)


async def events(assistant: Assistant, question: Question) -> Sequence[Event]:
    async with assistant.reply(question) as reply:
        return [event async for event in reply.events]


def cited(answer: Answer) -> list[str]:
    return [source.hit.entry.id for source in answer.sources if source.cited]


async def test_the_model_writes_and_its_marks_point_at_sources(assistant: Assistant) -> None:
    answer = await assistant.ask(LATE)

    assert (answer.status, answer.origin, answer.model) == (Status.ANSWERED, Origin.GENERATED, "scripted")
    position = next(place for place, source in enumerate(answer.sources, 1) if source.cited)
    assert answer.text == f"Yes, you can join at any time [{position}]."
    assert answer.usage
    assert answer.timings.total >= (answer.timings.first_token or 0) >= answer.timings.retrieve


async def test_ask_joins_what_reply_streams(assistant: Assistant) -> None:
    *texts, last = await events(assistant, LATE)

    assert isinstance(last, Answer)
    assert "".join(text.text for text in texts if isinstance(text, Text)) == last.text
    assert last.text == (await assistant.ask(LATE)).text


async def test_what_is_kept_of_a_model_that_repeats_itself_is_streamed_whole(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    llm.script = ["You can join at any time.", " Set it to x_olmak_olmak_olmak_olmak_olmak_", "olmak_"]
    question = Question(LATE.text, mode=Mode.GENERATE)
    *streamed, answer = await events(assistant, question)
    assert isinstance(answer, Answer)
    assert "".join(event.text for event in streamed if isinstance(event, Text)) == answer.text
    assert answer.usage  # though it was stopped before it told
    assert answer.usage.completion_tokens == 10
    assert answer.usage.prompt_tokens > 50


async def test_an_answer_without_marks_cites_what_it_repeats(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    llm.script = ["You can join at any time."]
    assert cited(await assistant.ask(LATE)) == ["join"]


async def test_a_mark_that_points_nowhere_is_repaired(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.script = ["You can join at any time", " [9]", "."]
    assert (await assistant.ask(LATE)).text == "You can join at any time [1]."


async def test_a_question_the_faq_does_not_hold_is_declined_before_any_model_runs(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    answer = await assistant.ask(Question("What is the capital of France?"))

    assert (answer.status, answer.text, answer.origin) == (Status.NO_ANSWER, NOT_IN_FAQ, None)
    assert answer.model is None
    assert answer.usage is None
    assert llm.prompts == []


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.GENERATE])
async def test_a_model_that_does_not_know_declines(
    assistant: Assistant, llm: ScriptedModel, mode: Mode
) -> None:
    llm.script = ["I ", "don't", " know. But perhaps…"]

    *texts, answer = await events(assistant, replace(LATE, mode=mode))

    assert texts == [Text(NOT_IN_FAQ)]
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == (Status.NO_ANSWER, NOT_IN_FAQ)
    assert llm.closed


async def test_an_entrys_own_question_is_answered_in_its_own_words(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    answer = await assistant.ask(Question("how do i install DOCKER"))

    assert (answer.text, answer.origin, answer.model) == (DOCKER.answer, Origin.EXTRACTED, None)
    assert cited(answer) == ["docker"]
    assert llm.prompts == []


async def test_mode_generate_writes_even_then(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.script = ["Install the package docker.io."]
    answer = await assistant.ask(Question(DOCKER.question, mode=Mode.GENERATE))
    assert answer.origin is Origin.GENERATED


async def test_mode_extract_asks_no_model(assistant: Assistant, llm: ScriptedModel) -> None:
    answer = await assistant.ask(replace(LATE, mode=Mode.EXTRACT))

    assert (answer.text, answer.origin) == (JOIN.answer, Origin.EXTRACTED)
    assert llm.prompts == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelUnavailable("gone"), "model_unavailable"),
        (ModelMissing("not pulled"), "model_missing"),
        (ModelTimeout("slow"), "model_timeout"),
    ],
)
async def test_without_its_model_auto_falls_back_on_a_sure_entry(
    assistant: Assistant, llm: ScriptedModel, error: AskdError, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    llm.failure = error

    answer = await assistant.ask(LATE)

    assert (answer.text, answer.origin) == (JOIN.answer, Origin.EXTRACTED)
    assert [notice.code for notice in answer.notices] == [code]
    (record,) = caplog.records
    assert {"notice": code, "detail": str(error)}.items() <= vars(record).items()
    assert LATE.text not in str(vars(record))
    with pytest.raises(type(error)):
        await assistant.ask(replace(LATE, mode=Mode.GENERATE))


async def test_without_its_model_auto_fails_where_no_entry_is_sure(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    llm.failure = ModelUnavailable("gone")
    with pytest.raises(ModelUnavailable):
        await assistant.ask(Question("Can I join the course with a friend from abroad?"))


async def test_a_model_that_dies_midway_is_taken_back(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.script = ["Yes, ", ModelUnavailable("gone")]

    first, second, answer = await events(assistant, LATE)

    assert (first, second) == (Text("Yes,", checked=0), Replacement(JOIN.answer))
    assert isinstance(answer, Answer)
    assert answer.text == JOIN.answer


async def test_a_sentence_is_checked_once_the_next_begins(assistant: Assistant, llm: ScriptedModel) -> None:
    """Also where that beginning is held back, as it may become anything."""
    sentence = "Yes, you can join at any time."
    llm.script = [sentence, " Home", "work has deadlines."]
    async with aclosing(assistant.pipeline.answer(LATE)) as told:
        texts = [event async for event in told if isinstance(event, Text)]
    assert texts[:2] == [Text(sentence, checked=0), Text("", checked=len(sentence))]


async def test_words_beyond_the_faq_are_taken_back(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.script = ["Bananas grow on giant tropical herbs, not trees."]

    answer = await assistant.ask(LATE)
    assert (answer.text, answer.origin) == (JOIN.answer, Origin.EXTRACTED)
    assert [notice.code for notice in answer.notices] == ["unsupported"]

    answer = await assistant.ask(replace(LATE, mode=Mode.GENERATE))
    assert answer.origin is Origin.GENERATED
    assert [notice.code for notice in answer.notices] == ["unsupported"]


async def test_an_answer_that_reached_its_limit_says_so(llm: ScriptedModel) -> None:
    llm.script = ["You ", "can ", "join ", "at ", "any ", "time."]
    answer = await assistant_of(MemoryIndex(FAQ), llm, prompt_tokens=400, answer_tokens=4).ask(LATE)
    assert [notice.code for notice in answer.notices] == ["answer_cut"]


async def test_entries_that_do_not_fit_are_dropped_whole_and_counted(llm: ScriptedModel) -> None:
    long = replace(REFUND, answer="course " * 300)
    assistant = assistant_of(MemoryIndex([JOIN, long]), llm, prompt_tokens=150, answer_tokens=64)

    answer = await assistant.ask(LATE)

    assert [(source.hit.entry.id, source.in_prompt) for source in answer.sources] == [
        ("join", True),
        ("refund", False),
    ]
    assert "course course" not in llm.prompts[0].messages[-1].content


async def test_an_entry_that_does_not_fit_is_quoted_or_refused(llm: ScriptedModel) -> None:
    long = replace(JOIN, answer="Yes, you can join at any time. " * 100)
    assistant = assistant_of(MemoryIndex([long]), llm, prompt_tokens=150, answer_tokens=64)

    answer = await assistant.ask(LATE)
    assert (answer.text, [notice.code for notice in answer.notices]) == (long.answer, ["entry_too_long"])
    with pytest.raises(NothingFits):
        await assistant.ask(replace(LATE, mode=Mode.GENERATE))
    assert llm.prompts == []


async def test_a_question_that_alone_fills_the_prompt_is_refused(llm: ScriptedModel) -> None:
    small = assistant_of(MemoryIndex(FAQ), llm, prompt_tokens=100)
    with pytest.raises(QuestionTooLong):
        await small.ask(Question("join the course " * 30))
    assert llm.prompts == []


async def test_a_prompt_the_model_finds_too_long_is_tried_with_fewer_entries(llm: ScriptedModel) -> None:
    class Sterner(ScriptedModel):
        async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
            return [1 for _ in texts]  # far too few: the model itself will say no

    stern = Sterner(script=llm.script, context_tokens=90)  # one entry fits
    assistant = assistant_of(MemoryIndex(FAQ), stern, prompt_tokens=70, answer_tokens=16)
    answer = await assistant.ask(
        Question("May I join late? May I have my money back, a refund?", mode=Mode.GENERATE)
    )

    assert answer.origin is Origin.GENERATED
    assert len(stern.prompts) > 1
    assert sum(source.in_prompt for source in answer.sources) < len(answer.sources)


async def test_no_entry_in_the_models_eyes_means_the_entry_itself(llm: ScriptedModel) -> None:
    llm.script = [PromptTooLong("no")]
    answer = await assistant_of(MemoryIndex(FAQ), llm, prompt_tokens=400, answer_tokens=64).ask(LATE)
    assert (answer.text, answer.origin) == (JOIN.answer, Origin.EXTRACTED)


async def test_a_very_small_model_is_held_to_the_sentences_of_the_best_entry(llm: ScriptedModel) -> None:
    llm.parameters = 135_000_000
    answer = await assistant_of(MemoryIndex(FAQ), llm, prompt_tokens=400, answer_tokens=64).ask(LATE)

    assert answer.text == f"{JOIN.answer} [1]"
    assert answer.origin is Origin.QUOTED
    assert cited(answer) == ["join"]
    assert [source.hit.entry.id for source in answer.sources if source.in_prompt] == ["join"]


async def test_an_unknown_collection_names_the_known_ones(assistant: Assistant) -> None:
    with pytest.raises(UnknownCollection, match="course, tools"):
        await assistant.ask(replace(LATE, collection="nope"))


async def test_only_the_collection_asked_for_is_searched(assistant: Assistant) -> None:
    found = await assistant.find(Question("install docker course", collection="course"))
    assert {hit.entry.collection for hit in found.ranking.hits} == {"course"}


async def test_leaving_a_reply_stops_the_model(assistant: Assistant, llm: ScriptedModel) -> None:
    async with assistant.reply(LATE) as reply:
        assert await anext(aiter(reply.events)) == Text("Yes,", checked=0)
    assert llm.closed


async def test_leaving_before_the_first_word_stops_the_model_too(
    assistant: Assistant, llm: ScriptedModel
) -> None:
    llm.pause.clear()
    async with assistant.reply(LATE) as reply:
        assert reply.sources
        assert not llm.closed
    assert llm.closed


async def test_a_cancelled_question_stops_the_model(assistant: Assistant, llm: ScriptedModel) -> None:
    llm.pause.clear()
    task = asyncio.ensure_future(assistant.ask(LATE))
    while not llm.prompts:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert llm.closed


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.GENERATE])
async def test_what_fails_once_the_answer_is_written_does_not_take_it_back(mode: Mode) -> None:
    down = False

    class Index(MemoryIndex):
        async def manifest(self) -> Manifest:
            if down:
                raise SearchUnavailable("down")
            return await super().manifest()

        async def search(
            self,
            question: str,
            *,
            vector: Vector | None,
            collection: str | None,
            size: int,
            context: str = "",
        ) -> SearchResult:
            if down:
                raise SearchUnavailable("down")
            return await super().search(
                question, vector=vector, collection=collection, size=size, context=context
            )

    class Model(ScriptedModel):
        async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
            nonlocal down
            async with aclosing(super().generate(prompt)) as chunks:
                async for chunk in chunks:
                    yield chunk
            down, self.failure = True, ModelUnavailable("down")

    assistant = assistant_of(Index(FAQ), Model(script=["You can join at any time."]))
    answer = await assistant.ask(replace(LATE, mode=mode))
    assert (answer.origin, answer.model) == (Origin.GENERATED, "scripted")
