"""Questions inside a conversation: which lean on what was said before, and what becomes of them."""

from dataclasses import replace

import numpy as np
import pytest

from app.answering.service import Assistant
from app.domain import FaqEntry, Hit, Question, Status, Turn
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.ranking.candidates import WordStatistics
from app.ranking.conversation import context_of, leans, towards, understood
from app.ranking.fusion import Ranking
from app.ranking.text import CONTEXT_WEIGHT
from app.traffic.answer_cache import AnswerKey
from tests.support.assistant import assistant_of

LINUX = FaqEntry("linux", "tools", "How do I install Docker on Linux?", "Install the package docker.io.")
WINDOWS = FaqEntry("windows", "tools", "How do I install Docker on Windows?", "Run the Docker Desktop setup.")
PYTHON = FaqEntry("python", "tools", "Does Python run on Windows?", "Yes, install it from the store.")
REFUND = FaqEntry("refund", "course", "Can I get a refund?", "Yes, within thirty days of paying.")
ASKED = Turn("user", "How do I install Docker?")
HISTORY = (ASKED, Turn("assistant", f"{LINUX.answer} [1]"))


@pytest.fixture
def assistant() -> Assistant:
    return assistant_of(MemoryIndex([LINUX, WINDOWS, PYTHON, REFUND]), ScriptedModel(script=[]))


@pytest.mark.parametrize(
    "question",
    [
        "And on Windows?",
        "What about refunds?",
        "How do I stop it?",
        "Why?",
        "Und unter Windows?",
        "¿Y en Windows?",
    ],
)
def test_a_question_that_points_back_leans(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize(
    "question", ["How do I install Docker on Windows?", "Which Python version does askd need to run?"]
)
def test_a_question_that_names_what_it_asks_does_not(question: str) -> None:
    assert not leans(question)


def test_a_question_is_completed_by_the_last_one_that_stands_alone() -> None:
    context = context_of([*HISTORY, Turn("user", "And on Windows?"), Turn("assistant", WINDOWS.answer)])
    assert context
    assert context.completed("How do I remove it?") == (
        "How do I install Docker? And on Windows? How do I remove it?"
    )


def test_an_answer_taken_from_an_entry_is_recognised_by_its_words() -> None:
    context = context_of(HISTORY)
    assert context
    assert context.given(LINUX)
    assert not context.given(REFUND)


def test_where_nothing_was_asked_there_is_no_context() -> None:
    assert context_of([]) is None
    assert context_of([Turn("assistant", "Welcome! What would you like to know?")]) is None


@pytest.mark.anyio
async def test_a_follow_up_finds_what_it_means(assistant: Assistant) -> None:
    question = Question("And on Windows?", history=HISTORY)
    found = await assistant.find(question)
    assert found.ranking.hits[0].entry == WINDOWS
    assert found.asked == "How do I install Docker? And on Windows?"

    alone = await assistant.find(replace(question, history=()))
    assert alone.asked is None
    assert alone.ranking.hits[0].entry == PYTHON


@pytest.mark.anyio
@pytest.mark.parametrize("question", ["Can I get a refund?", "Could I get a refund of what I am paying?"])
async def test_a_question_that_stands_on_its_own_is_never_changed(
    assistant: Assistant, question: str
) -> None:
    inside = await assistant.find(Question(question, history=HISTORY))
    alone = await assistant.find(Question(question))
    assert (inside.asked, inside.ranking) == (None, alone.ranking)
    assert inside.ranking.hits[0].entry == REFUND


@pytest.mark.anyio
async def test_the_context_alone_answers_nothing(assistant: Assistant) -> None:
    found = await assistant.find(Question("And what about pizza?", history=HISTORY))
    assert found.ranking.status is not Status.ANSWERED


def test_the_meaning_of_what_was_said_counts_a_little() -> None:
    question, said = np.array([1, 0], dtype=np.float32), np.array([0, 1], dtype=np.float32)
    turned = towards(question, said)
    assert turned is not None
    assert np.linalg.norm(turned) == pytest.approx(1)
    assert turned[1] / turned[0] == pytest.approx(CONTEXT_WEIGHT)
    assert towards(None, said) is None
    assert towards(question, None) is question


@pytest.mark.parametrize(
    "question",
    [
        "Is there a size limit for long questions?",
        "Are there discounts for students abroad?",
        "Which formats are supported if there is no extension?",
        "E-mail address of the billing department?",
        "Gibt es einen Rabatt für Studenten?",
    ],
)
def test_words_that_point_at_nothing_do_not_lean(question: str) -> None:
    assert not leans(question)


@pytest.mark.parametrize("question", ["Who works there at the weekend?", "Is it there on Sundays, too?"])
def test_a_place_that_was_said_is_leant_on(question: str) -> None:
    assert leans(question)


def test_a_question_that_means_something_said_is_not_answered_alone() -> None:
    alone = Ranking([Hit(PYTHON, 0.9)], status=Status.ANSWERED, confident=True)
    following = Ranking([Hit(PYTHON, 0.9)], status=Status.NO_ANSWER)
    read, follows = understood("Who works there?", alone, following, WordStatistics(4, {}), "english")
    assert (read.status, read.confident, read.hits) == (Status.SUGGESTED, False, alone.hits)
    assert not follows


@pytest.mark.parametrize(
    "question", ["How tall is mount Everest?", "Who won the world cup?", "How do I bake bread?"]
)
def test_a_question_that_leans_on_nothing_is_not_lifted_by_what_was_said(question: str) -> None:
    alone = Ranking([Hit(PYTHON, 0.3)], status=Status.NO_ANSWER)
    following = Ranking([Hit(WINDOWS, 0.8)], status=Status.SUGGESTED)
    read, follows = understood(question, alone, following, WordStatistics(4, {}), "english")
    assert (read.status, follows) == (Status.NO_ANSWER, False)


def test_the_first_hit_of_the_other_reading_is_among_those_shown() -> None:
    alone = Ranking([Hit(PYTHON, 0.9), Hit(REFUND, 0.3), Hit(LINUX, 0.2)], status=Status.SUGGESTED)
    following = Ranking([Hit(WINDOWS, 0.8), Hit(PYTHON, 0.7)], status=Status.ANSWERED)
    question, statistics = "How do I install that on Windows?", WordStatistics(4, {})
    read, follows = understood(question, alone, following, statistics, "english")
    assert (follows, [hit.entry for hit in read.hits]) == (True, [WINDOWS, PYTHON])

    unknown = replace(following, status=Status.NO_ANSWER)
    read, follows = understood("How do I?", alone, unknown, statistics, "english")
    assert (follows, [hit.entry for hit in read.hits]) == (False, [PYTHON, REFUND, WINDOWS])
    assert [hit.score for hit in read.hits] == [0.9, 0.3, 0.3]


def test_a_cached_answer_is_of_the_same_conversation() -> None:
    question = Question("And on Windows?", history=HISTORY)
    other = replace(question, history=(Turn("user", "Does Python run?"),))
    keys = {AnswerKey.of(each, "1", "model", 1) for each in (question, other, replace(question, history=()))}
    assert len(keys) == 3
    assert AnswerKey.of(question, "1", "model", 1) in keys
