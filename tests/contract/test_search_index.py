"""What every SearchIndex must do; the fake is held to the same contract as the real ones."""

import dataclasses
from collections.abc import Sequence

import pytest

from app.domain import FaqEntry
from app.errors import IndexMissing, IndexUnreadable
from app.indexes.memory import manifest_of, records_of
from app.ranking.candidates import Candidate
from tests.contract.conftest import Index

pytestmark = pytest.mark.anyio

JOIN = FaqEntry(
    "1", "course", "Can I still join?", "Yes, even after the start.", "General", "https://x.org/1"
)
DOCKER = FaqEntry("2", "course", "Why does the container exit?", "It ran out of memory.", "Docker")
DEADLINE = FaqEntry("3", "course", "When is homework due?", "The deadline is on Monday.", "Homework")
BOOTCAMP = FaqEntry("1", "bootcamp", "Can I join the bootcamp?", "No, registration is closed.", "General")
FAQ = [JOIN, DOCKER, DEADLINE, BOOTCAMP]


@pytest.fixture
async def faq(index: Index) -> Index:
    await index.publish(manifest_of(FAQ), records_of(FAQ), lambda _: None)
    return index


async def found(
    index: Index, question: str, collection: str | None = None, size: int = 10
) -> Sequence[FaqEntry]:
    result = await index.search(question, vector=None, collection=collection, size=size)
    candidates = result.candidates.found
    best_first = sorted(candidates, key=lambda candidate: candidate.lexical or 0.0, reverse=True)
    return [candidate.entry for candidate in best_first]


@pytest.mark.parametrize("question", ["why did my container exit", "DOCKER!", "out of memory?"])
async def test_finds_an_entry_by_its_question_its_section_or_its_answer(faq: Index, question: str) -> None:
    assert (await found(faq, question))[0] == DOCKER


@pytest.mark.parametrize("question", ["homwork", "the deadlne", "contaner"])
async def test_finds_an_entry_in_spite_of_a_typo(faq: Index, question: str) -> None:
    assert (await found(faq, question))[0] in (DEADLINE, DOCKER)


async def test_returns_entries_whole_with_what_the_words_are_worth(faq: Index) -> None:
    result = await faq.search("still join after the start", vector=None, collection="course", size=1)
    [candidate] = result.candidates.found
    assert candidate.entry == JOIN
    assert candidate.lexical is not None
    assert candidate.lexical > 0
    assert candidate.semantic is None
    assert result.manifest == await faq.manifest()


async def test_searches_one_collection_or_all(faq: Index) -> None:
    assert set(await found(faq, "join")) == {JOIN, BOOTCAMP}
    assert await found(faq, "join", "course") == [JOIN]
    assert await found(faq, "join", "bootcamp") == [BOOTCAMP]
    assert await found(faq, "join", "boot") == []


async def test_the_collection_does_not_change_what_words_are_worth(faq: Index) -> None:
    everywhere = await faq.search("join", vector=None, collection=None, size=5)
    inside = await faq.search("join", vector=None, collection="course", size=5)
    scores = {candidate.entry: candidate.lexical for candidate in everywhere.candidates.found}
    assert [candidate.lexical for candidate in inside.candidates.found] == [pytest.approx(scores[JOIN])]


async def test_what_was_said_before_counts_less_than_the_question(faq: Index) -> None:
    def best(candidates: Sequence[Candidate]) -> FaqEntry:
        return max(candidates, key=lambda candidate: candidate.lexical or 0.0).entry

    async def ask(question: str, context: str) -> Sequence[Candidate]:
        result = await faq.search(question, vector=None, collection=None, size=10, context=context)
        return result.candidates.found

    assert best(await ask("why?", "my container")) == DOCKER
    assert best(await ask("the homework deadline", "my container")) == DEADLINE
    alone, inside = await ask("container", ""), await ask("container", "container " * 1_000)
    assert [each.lexical for each in inside] == [pytest.approx(each.lexical) for each in alone]


async def test_returns_no_more_than_asked(faq: Index) -> None:
    assert len(await found(faq, "is the", size=10)) > 1
    assert len(await found(faq, "is the", size=1)) == 1


@pytest.mark.parametrize("question", ["xylophone", "?!", "   ", "日本語"])
async def test_finds_nothing_where_nothing_matches(faq: Index, question: str) -> None:
    assert await found(faq, question) == []


@pytest.mark.parametrize(
    "question",
    [
        'text:join AND (collection:course OR "still) +join -course ~ * ? \\ / [a TO z}',
        "_exists_:record || *:* && answer:/.*/ join^99",
        '{"match_all": {}} join',
        "join\x00\x01\x1f\x7f\ufffe\ud800",
        "join 🙂 👩‍👩‍👧 ½ ﬁ ß İ",
        "join " * 400,
        "join " + " ".join(f"word{number}" for number in range(220)),
        "join " + "x" * 1995,
        "join " + "€uro" * 498,
    ],
)
async def test_user_text_is_only_ever_words(faq: Index, question: str) -> None:
    assert {JOIN, BOOTCAMP} <= set(await found(faq, question))


async def test_a_question_in_full_width_capitals_finds_the_same(faq: Index) -> None:
    assert (
        await found(faq, "\uff28\uff2f\uff2d\uff25\uff37\uff2f\uff32\uff2b")
        == await found(faq, "homework")
        == [DEADLINE]
    )


async def test_a_collection_may_have_any_name(index: Index) -> None:
    odd = dataclasses.replace(JOIN, collection='a "b" c:* ' + "ü" * 400)
    await index.publish(manifest_of([odd, BOOTCAMP]), records_of([odd, BOOTCAMP]), lambda _: None)
    assert await found(index, "join", odd.collection) == [odd]


async def test_counts_in_how_many_entries_a_word_occurs(faq: Index) -> None:
    statistics = (await faq.search("join", vector=None, collection=None, size=1)).statistics
    assert statistics.entries == len(FAQ)
    assert statistics.frequencies["join"] == 2
    assert statistics.frequencies["the"] == 4
    assert "docker" not in statistics.frequencies  # one entry only


async def test_says_what_it_is(index: Index) -> None:
    manifest = manifest_of(FAQ)
    await index.publish(manifest, records_of(FAQ), lambda _: None)
    assert await index.manifest() == manifest


async def test_an_index_that_was_never_made_is_missing(index: Index) -> None:
    with pytest.raises(IndexMissing, match="askd ingest"):
        await found(index, "join")
    with pytest.raises(IndexMissing, match="askd ingest"):
        await index.manifest()


async def test_an_index_of_another_schema_is_not_searched(index: Index) -> None:
    await index.publish(manifest_of(FAQ, schema=999), records_of(FAQ), lambda _: None)
    with pytest.raises(IndexUnreadable, match="askd index rebuild"):
        await found(index, "join")
    with pytest.raises(IndexUnreadable, match="askd index rebuild"):
        await index.manifest()
