from dataclasses import replace

import pytest

from app.domain import Answer, Hit, Mode, Notice, Origin, Question, Source, Status, Timings
from app.traffic.answer_cache import AnswerCache, AnswerKey
from tests.support.faq import JOIN

pytestmark = pytest.mark.anyio
KB = 1000


def answer(text: str = "Yes.", **changes: object) -> Answer:
    sources, timings = [Source(Hit(JOIN, 1.0))], Timings(1, 0, None, 2)
    made = Answer(Status.ANSWERED, text, Origin.EXTRACTED, sources, None, None, [], timings)
    return replace(made, **changes)  # type: ignore[arg-type]


def key(
    text: str = "Can I?", index: str = "v1", model: str = "m@1", prompt: int = 1, **more: object
) -> AnswerKey:
    return AnswerKey.of(Question(text, **more), index, model, prompt)  # type: ignore[arg-type]


async def test_what_was_put_is_there() -> None:
    cache = AnswerCache(10, 100 * KB, 60.0)
    await cache.put(key(), answer())
    assert await cache.get(key()) == answer()
    assert await cache.get(key("Other?")) is None


def test_letter_case_and_spacing_do_not_matter_but_punctuation_does() -> None:
    assert key("Can  I?") == key("can i?") == key("ＣＡＮ I?")
    assert key("What is C?") != key("What is C++?")


@pytest.mark.parametrize(
    "other",
    [
        key(mode=Mode.EXTRACT),
        key(limit=1),
        key(collection="course"),
        key(index="v2"),
        key(model="m@2"),
        key(prompt=2),
    ],
)
def test_whatever_an_answer_depends_on_tells_it_from_others(other: AnswerKey) -> None:
    assert other != key()


async def test_it_holds_so_many_answers_and_the_least_recently_used_goes() -> None:
    cache = AnswerCache(2, 100 * KB, 60.0)
    for text in ("a", "b"):
        await cache.put(key(text), answer())
    assert await cache.get(key("a"))
    await cache.put(key("c"), answer())
    assert [(await cache.get(key(text))) is not None for text in "abc"] == [True, False, True]


async def test_it_holds_so_many_bytes() -> None:
    cache = AnswerCache(1000, 20 * KB, 60.0)
    for number in range(10):
        await cache.put(key(str(number)), answer("x" * 4 * KB))
    assert len(cache) < 5
    assert cache.size_bytes <= 20 * KB
    await cache.put(key("huge"), answer("x" * 30 * KB))
    assert await cache.get(key("huge")) is None


async def test_an_answer_that_may_soon_be_better_is_not_kept() -> None:
    cache = AnswerCache(10, 100 * KB, 60.0)
    await cache.put(key("a"), answer(notices=[Notice("model_unavailable", "down", passing=True)]))
    await cache.put(key("b"), answer(notices=[Notice("answer_cut", "the limit")]))
    assert [(await cache.get(key(text))) is not None for text in "ab"] == [False, True]


def test_an_answer_has_its_time_and_a_decline_less() -> None:
    cache = AnswerCache(10, 100 * KB, 3600.0)
    assert cache._until(key(), answer(), 0.0) == 3600.0
    assert cache._until(key(), answer(status=Status.NO_ANSWER), 0.0) == 60.0
    assert AnswerCache(10, KB, 5.0)._until(key(), answer(status=Status.NO_ANSWER), 0.0) == 5.0


async def test_without_room_for_entries_nothing_is_kept() -> None:
    cache = AnswerCache(0, 100 * KB, 60.0)
    await cache.put(key(), answer())
    assert await cache.get(key()) is None
