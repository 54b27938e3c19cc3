"""What every Embedder must do; the fake is held to the same contract as the real ones."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.domain import FaqEntry
from app.embedders.base import Embedder, Vector
from app.embedders.catalogue import Recipe
from app.embedders.onnx import OnnxEmbedder
from tests.support.embedder import HashEmbedder
from tests.support.lag import check_loop_runs_on

pytestmark = pytest.mark.anyio

JOIN = FaqEntry("1", "c", "Can I join the course late?", "Yes, you can join the course after it began.")
REFUND = FaqEntry("2", "c", "How do I get my money back?", "Write to the billing desk for a refund.")
LONG = "The homework of this week is explained in the video of the module. " * 120  # 1,700 words


@pytest.fixture
def hash_embedder() -> Embedder:
    return HashEmbedder()


@pytest.fixture(scope="module")
def bge(embedders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    yield from opened("bge-small-en-v1.5", embedders, tmp_path_factory)


@pytest.fixture(scope="module")
def minilm(embedders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    yield from opened("all-minilm-l6-v2", embedders, tmp_path_factory)


def opened(name: str, embedders: Path, temporary: pytest.TempPathFactory) -> Iterator[Embedder]:
    embedder = OnnxEmbedder(name, embedders, Recipe(), temporary.mktemp(name) / "cache.sqlite3")
    yield embedder
    embedder.close()


@pytest.fixture(params=["hash_embedder", "bge", "minilm"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    embedder: Embedder = request.getfixturevalue(request.param)
    return embedder


def of(embedder: Embedder, *entries: FaqEntry) -> list[Vector]:
    return list(embedder.embed_entries(entries))


def answered(answer: str, question: str = "What is the homework?") -> FaqEntry:
    return FaqEntry("3", "c", question, answer)


async def test_says_what_it_is_and_the_same_each_time(embedder: Embedder) -> None:
    info = await embedder.info()
    assert info.name
    assert info.digest
    assert info == await embedder.info()


async def test_entries_are_embedded_as_plain_text(embedder: Embedder) -> None:
    marked = answered("Open **your** [orders](https://faq.example/o), then press *Refund*.", "Where is _it_?")
    read = answered("Open your orders (https://faq.example/o), then press Refund.", "Where is it?")
    one, other = of(embedder, marked, read)
    assert np.array_equal(one, other)


async def test_vectors_are_of_unit_length_and_of_the_dimension_it_tells(embedder: Embedder) -> None:
    dimension = (await embedder.info()).dimension
    texts = ["Can I join?", "?!", "ñandú — 東京 ☕", "x" * 500]
    vectors = [await embedder.embed_question(text) for text in texts]
    for vector in [*vectors, *of(embedder, JOIN, answered(LONG), answered(".", question="?"))]:
        assert vector.dtype == np.float32
        assert vector.shape == (dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


async def test_a_question_is_nearest_to_its_entry(embedder: Embedder) -> None:
    join, refund = of(embedder, JOIN, REFUND)
    late = await embedder.embed_question("May I join the course when it has begun?")
    money = await embedder.embed_question("When do I get a refund of my money?")
    assert late @ join > late @ refund
    assert money @ refund > money @ join


async def test_a_text_has_one_vector_whatever_came_before_it(embedder: Embedder) -> None:
    question = "Can I still join?"
    first = await embedder.embed_question(question)
    await embedder.embed_question("What else is there? " * 20)
    assert np.array_equal(first, await embedder.embed_question(question))
    (alone,) = of(embedder, JOIN)
    among = of(embedder, REFUND, answered(LONG), JOIN)[-1]
    assert np.array_equal(alone, among)


async def test_the_end_of_a_long_answer_counts(embedder: Embedder) -> None:
    plain, other = of(embedder, answered(LONG + "Hand it in by mail."), answered(LONG + "Dogs chase cats."))
    assert not np.array_equal(plain, other)


async def test_the_end_of_a_long_question_counts(embedder: Embedder) -> None:
    asked = LONG[:1900]
    plain = await embedder.embed_question(asked + "Shall I hand it in by mail?")
    other = await embedder.embed_question(asked + "Why do dogs chase cats at night?")
    assert not np.array_equal(plain, other)


async def test_the_end_of_an_entrys_long_question_counts(embedder: Embedder) -> None:
    asked = LONG[:3000]
    by_mail, dogs = (answered("Yes.", question=asked + end) for end in ("By mail?", "Do dogs bark?"))
    plain, other = of(embedder, by_mail, dogs)
    assert not np.array_equal(plain, other)


async def test_entries_come_one_by_one(embedder: Embedder) -> None:
    taken = []

    def entries() -> Iterator[FaqEntry]:
        for entry in (JOIN, REFUND):
            taken.append(entry)
            yield entry

    vectors = embedder.embed_entries(entries())
    next(vectors)
    assert taken == [JOIN]
    assert len([*vectors]) == 1


async def test_many_at_once_all_get_their_own(embedder: Embedder) -> None:
    questions = [f"What is in module {number}?" for number in range(30)]
    alone = [await embedder.embed_question(question) for question in questions]
    together = await asyncio.gather(*map(embedder.embed_question, questions))
    assert np.array_equal(np.array(alone), np.array(together))


async def test_who_leaves_is_not_waited_for_and_harms_nobody(embedder: Embedder) -> None:
    long = [asyncio.create_task(embedder.embed_question(LONG[:2000])) for _ in range(40)]
    stays = asyncio.create_task(embedder.embed_question("Can I join?"))
    await asyncio.sleep(0)
    for task in long:
        task.cancel()
    assert (await stays).shape == (await embedder.embed_question("Can I join?")).shape


async def test_the_event_loop_runs_on_while_a_question_is_embedded(embedder: Embedder) -> None:
    await embedder.info()
    await check_loop_runs_on(
        lambda: asyncio.gather(*(embedder.embed_question(LONG[:2000]) for _ in range(12)))
    )
