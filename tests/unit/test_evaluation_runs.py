import pytest

from app.domain import Status
from app.evaluation.questions import Case, Catalogue, place_of
from app.evaluation.runs import DEPTH, ask, compare, misplaced, put, without_answers
from app.indexes.memory import MemoryIndex
from app.indexes.without import IndexWithout
from app.models.scripted import ScriptedModel
from tests.support.assistant import assistant_of
from tests.support.faq import CERTIFICATE, DOCKER, FAQ, JOIN, REFUND
from tests.support.finder import CannedFinder, entries

pytestmark = pytest.mark.anyio
CATALOGUE = Catalogue(FAQ)
JOINING = Case("Can one join the course late?", "course", frozenset({place_of(JOIN)}))
INSTALLING = Case("Installing Docker: how?", "tools", frozenset({place_of(DOCKER)}))


async def test_an_outcome_keeps_what_retrieval_said() -> None:
    finder = CannedFinder({JOINING.text: [REFUND, JOIN]})
    found = await put(JOINING, finder)
    assert [(asked.text, asked.collection, asked.limit) for asked in finder.asked] == [
        (JOINING.text, "course", DEPTH)
    ]
    assert (found.entries, found.rank, found.confidence, found.status) == (
        [REFUND, JOIN],
        2,
        0.7,
        Status.ANSWERED,
    )
    assert found.features == finder.features
    assert found.ms > 0


async def test_what_is_not_found_has_no_rank() -> None:
    assert (await put(JOINING, CannedFinder({JOINING.text: [REFUND]}))).rank is None


async def test_every_finder_gets_every_question_and_the_first_one_twice() -> None:
    finders = {"one": CannedFinder({}), "two": CannedFinder({JOINING.text: [JOIN]})}
    told: list[int] = []
    found = await compare(finders, [JOINING, INSTALLING], told.append)
    assert {name: [outcome.rank for outcome in of] for name, of in found.items()} == {
        "one": [None, None],
        "two": [1, None],
    }
    assert sum(told) == 4
    for finder in finders.values():  # the first one only to load what is loaded once
        assert [asked.text for asked in finder.asked] == [JOINING.text, JOINING.text, INSTALLING.text]


async def test_no_questions_give_no_outcomes() -> None:
    assert await ask(CannedFinder({}), [], lambda _: None) == []


def test_a_question_is_put_to_the_next_collection_as_one_it_does_not_answer() -> None:
    assert misplaced([JOINING, INSTALLING, Case("Who won?")], CATALOGUE) == [
        Case(JOINING.text, "tools"),
        Case(INSTALLING.text, "course"),
    ]


def test_a_collection_that_holds_the_same_question_is_no_wrong_one() -> None:
    catalogue = Catalogue([*entries("join", "other"), *entries("join", collection="tools")])
    join, other = (Case("?", gold=frozenset({place})) for place in [("course", "join"), ("course", "other")])
    assert misplaced([join, other], catalogue) == [Case("?", "tools")]


def test_with_one_collection_there_is_no_wrong_one() -> None:
    assert misplaced([Case("?", gold=frozenset({("course", "a")}))], Catalogue(entries("a"))) == []


async def test_a_removed_entry_is_not_found_and_another_comes_instead() -> None:
    whole = MemoryIndex(FAQ)
    index = IndexWithout(whole, frozenset({JOIN.key}))
    everything = await whole.search(JOIN.question, vector=None, collection="course", size=2)
    found = await index.search(JOIN.question, vector=None, collection="course", size=2)
    assert [candidate.entry for candidate in everything.candidates.found] == [JOIN, REFUND]
    assert [candidate.entry for candidate in found.candidates.found] == [REFUND, CERTIFICATE]
    assert await index.manifest() == await whole.manifest()
    assert found.statistics == everything.statistics


async def test_without_the_entry_the_question_itself_is_no_longer_answered() -> None:
    retrieval = assistant_of(MemoryIndex(FAQ), ScriptedModel()).pipeline.retrieval
    case = Case(DOCKER.question, "tools", frozenset({place_of(DOCKER)}))
    assert (await put(case, retrieval)).status is Status.ANSWERED
    (outcome,) = await without_answers(retrieval, [case], CATALOGUE, lambda _: None)
    assert (outcome.entries, outcome.status) == ([], Status.NO_ANSWER)
