"""Whole sentences of entries: how much of an answer may be left out, and several questions in one."""

import time
from dataclasses import replace

import pytest

from app.answering.phrases import phrases
from app.answering.quoting import beginnings, extracted, least
from app.domain import Answer, Mode, Origin, Question, Replacement, Status, Support, Text
from app.indexes.memory import MemoryIndex
from app.models.base import PromptStyle
from app.models.scripted import ScriptedModel
from tests.support.assistant import assistant_of
from tests.support.embedder import HashEmbedder
from tests.support.faq import DOCKER, FAQ, JOIN

pytestmark = pytest.mark.anyio

UNKNOWN = "Which elephants dance on Neptune?"
OPEN = f"{UNKNOWN}\nThe FAQ does not answer this question."
SEVERAL = f"1) {JOIN.question} 2) {DOCKER.question} 3) {UNKNOWN}"
ANSWER = (
    "Open the settings. Choose the region there. Restart the server. It takes a minute. Ask us for more. Bye."
)


@pytest.mark.parametrize(
    ("question", "shortest"),
    [
        ("How do I change the region?", "Open the settings. Choose the region there. Restart the server."),
        ("Where are the settings?", "Open the settings. Choose the region there."),
        ("How long does the restart take, a minute?", ANSWER.removesuffix(" Bye.")),
        ("How do I get there quickly?", ANSWER),
    ],
)
def test_nothing_that_was_asked_is_cut_off(question: str, shortest: str) -> None:
    assert least(ANSWER, question) == shortest


def test_the_whole_is_always_a_choice_and_the_choices_are_few() -> None:
    choices = beginnings("One thing. " + "More of it. " * 20, "One?")
    assert len(choices) == 4
    assert choices == sorted(choices, key=len)
    assert choices[-1].count("More of it.") == 20


def test_answers_that_differ_are_introduced_in_the_language_of_the_index() -> None:
    entries = [replace(JOIN, id="first", answer="Ja."), replace(JOIN, id="second", answer="Nein.")]
    said = extracted(entries, [], JOIN.question, "german")
    assert said.text == (
        "Die FAQ hat mehrere Antworten auf diese Frage, und sie unterscheiden sich:\n\nJa. [1]\n\nNein. [2]"
    )


async def test_more_questions_than_are_answered_are_said_to_be_open() -> None:
    further = ["Where does dockerd start today?", "Which two projects give a certificate?"]
    asked = [JOIN.question, DOCKER.question, UNKNOWN, *further]
    text = " ".join(f"{number}) {question}" for number, question in enumerate(asked, 1))
    answer = await assistant_of(MemoryIndex(FAQ), ScriptedModel()).ask(Question(text))

    assert [part.question for part in answer.parts] == asked
    assert answer.parts[-1].status is Status.SUGGESTED
    assert answer.text.endswith(f"{asked[-1]}\n{phrases('english').suggested}")


@pytest.mark.parametrize(
    "piece", ["How do I join the course? ", "1) How can I see? ", "Error: at x(\n", "字a?"]
)
async def test_the_longest_question_takes_bounded_time(piece: str) -> None:
    assistant = assistant_of(MemoryIndex(FAQ), ScriptedModel(), embedder=HashEmbedder())
    numbered = "".join(piece.replace("How", f"{number} How") for number in range(8_000 // len(piece)))
    await assistant.find(Question(numbered[:8_000]))
    started = time.process_time()
    await assistant.find(Question(numbered[:8_000]))
    assert time.process_time() - started < 0.3


@pytest.mark.parametrize("parameters", [135_000_000, None])
async def test_each_question_is_answered_from_its_own_entry(parameters: int | None) -> None:
    llm = ScriptedModel(parameters=parameters)
    answer = await assistant_of(MemoryIndex(FAQ), llm).ask(Question(SEVERAL))

    assert answer.status is Status.ANSWERED
    assert answer.origin is Origin.EXTRACTED
    assert [part.status for part in answer.parts] == [Status.ANSWERED, Status.ANSWERED, Status.NO_ANSWER]
    cited = [answer.sources[place - 1].hit.entry for part in answer.parts[:2] for place in part.sources]
    assert cited == [JOIN, DOCKER]
    assert not llm.prompts


async def test_a_small_model_that_has_to_write_quotes_for_each_question() -> None:
    answer = await assistant_of(MemoryIndex(FAQ), ScriptedModel(parameters=135_000_000)).ask(
        Question(SEVERAL, mode=Mode.GENERATE)
    )
    first, second, open_ = answer.text.split("\n\n")

    assert answer.origin is Origin.QUOTED
    assert (first, second) == (
        f"{JOIN.question}\n{JOIN.answer} [1]",
        f"{DOCKER.question}\n{DOCKER.answer} [2]",
    )
    assert open_ == OPEN
    assert {(sentence.source, sentence.support) for sentence in answer.sentences} == {
        (1, Support.QUOTED),
        (2, Support.QUOTED),
    }


@pytest.mark.parametrize(
    ("style", "room"), [(PromptStyle.SEQ2SEQ, 400), (PromptStyle.CHAT, 115)], ids=["T5", "a small prompt"]
)
async def test_a_part_whose_entry_is_not_in_the_prompt_is_quoted(style: PromptStyle, room: int) -> None:
    """A T5 reads one entry; elsewhere the second one may not fit."""
    llm = ScriptedModel([JOIN.answer, " [1]"], style, parameters=7_000_000_000)
    answer = await assistant_of(MemoryIndex(FAQ), llm, prompt_tokens=room).ask(
        Question(SEVERAL, mode=Mode.GENERATE)
    )
    prompt = " ".join(message.content for message in llm.prompts[0].messages)

    assert answer.text == f"{JOIN.answer} [1]\n\n{DOCKER.question}\n{DOCKER.answer} [2]\n\n{OPEN}"
    assert [source.cited for source in answer.sources[:2]] == [True, True]
    assert (JOIN.question in prompt, DOCKER.question in prompt) == (True, False)


async def test_a_larger_model_is_asked_what_the_faq_answers_and_the_rest_is_said_to_be_open() -> None:
    llm = ScriptedModel([JOIN.answer, " [1]"], parameters=7_000_000_000)
    async with assistant_of(MemoryIndex(FAQ), llm).reply(Question(SEVERAL, mode=Mode.GENERATE)) as reply:
        events = [event async for event in reply.events]

    (prompt,), answer = llm.prompts, events[-1]
    assert "Neptune" not in "".join(message.content for message in prompt.messages)
    assert prompt.messages[-1].content.endswith(f"{JOIN.question}\n{DOCKER.question}")
    assert isinstance(answer, Answer)
    assert answer.text.endswith(
        "\n\nWhich elephants dance on Neptune?\nThe FAQ does not answer this question."
    )
    assert not [event for event in events if isinstance(event, Replacement)]
    assert "".join(event.text for event in events if isinstance(event, Text)) == answer.text
