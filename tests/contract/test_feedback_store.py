"""What every store of feedback must do."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from app.domain import Origin, Status
from app.feedback.base import FeedbackStore, Outcome, Record, Shown, Verdict
from app.feedback.elasticsearch import ElasticsearchFeedback
from app.feedback.memory import MemoryFeedback
from app.feedback.sqlite import SqliteFeedback
from app.indexes.elasticsearch.client import open_client

pytestmark = pytest.mark.anyio


def outcome(number: int, question: str | None = None, request_id: str = "") -> Outcome:
    return Outcome(
        id=f"{number:016x}",
        request_id=request_id or f"request-{number}",
        time=1_000.0 + number,
        index_version="1",
        status=Status.ANSWERED,
        origin=Origin.GENERATED,
        collection="course",
        entries=(Shown("course", "jöin", True), Shown("course", "refund", False)),
        question=question,
    )


@pytest.fixture
def memory_store() -> FeedbackStore:
    return MemoryFeedback()


@pytest.fixture
async def sqlite_store(tmp_path: Path) -> AsyncIterator[FeedbackStore]:
    store = SqliteFeedback(tmp_path / "feedback" / "feedback.sqlite3")
    yield store
    await store.close()


@pytest.fixture
async def elasticsearch_store(elasticsearch_url: str) -> AsyncIterator[FeedbackStore]:
    async with open_client(elasticsearch_url, api_key=None, timeout=30.0) as client:
        alias = f"askd-feedback-test-{uuid4().hex[:12]}"
        yield ElasticsearchFeedback(client, alias)
        await client.indices.delete(index=f"{alias}-1", ignore_unavailable=True)


@pytest.fixture(
    params=["memory_store", "sqlite_store", pytest.param("elasticsearch_store", marks=pytest.mark.live)]
)
def store(request: pytest.FixtureRequest) -> FeedbackStore:
    store: FeedbackStore = request.getfixturevalue(request.param)
    return store


async def kept(store: FeedbackStore, since: float = 0.0) -> list[Record]:
    return [record async for record in store.records(since)]


async def test_an_empty_store_has_no_records(store: FeedbackStore) -> None:
    assert await kept(store) == []
    assert await store.forget("request-1", 2_000.0) == 0


async def test_records_come_oldest_first_and_whole(store: FeedbackStore) -> None:
    first, second = outcome(1, "Can I join?"), outcome(2)
    nothing = Outcome("f" * 16, "r", 1_003.0, "2", Status.NO_ANSWER, None, None, ())
    await store.record([nothing, second, first])

    assert await kept(store) == [Record(first, None), Record(second, None), Record(nothing, None)]


async def test_more_records_than_are_read_at_once(store: FeedbackStore) -> None:
    await store.record([outcome(number) for number in range(2_500)])

    assert [record.outcome.time for record in await kept(store)] == [1_000.0 + each for each in range(2_500)]


async def test_records_since_a_time(store: FeedbackStore) -> None:
    await store.record([outcome(1), outcome(2), outcome(3)])

    assert [record.outcome.id for record in await kept(store, 1_002.0)] == [outcome(2).id, outcome(3).id]


async def test_a_verdict_replaces_the_one_before(store: FeedbackStore) -> None:
    answered = outcome(1, "Can I join?")
    await store.record([answered])
    await store.judge(outcome(1), Verdict(True, 2_000.0, "yes", "course/jöin"))
    await store.judge(outcome(1), Verdict(False, 2_001.0))

    assert await kept(store) == [Record(answered, Verdict(False, 2_001.0))]


async def test_a_verdict_may_come_before_its_outcome(store: FeedbackStore) -> None:
    verdict = Verdict(False, 2_000.0, "no", "course/refund")
    await store.judge(outcome(1), verdict)
    assert await kept(store) == [Record(outcome(1), verdict)]

    await store.record([outcome(1, "Can I join?")])
    assert await kept(store) == [Record(outcome(1, "Can I join?"), verdict)]


async def test_a_request_is_forgotten(store: FeedbackStore) -> None:
    await store.record([outcome(1, request_id="mine"), outcome(2), outcome(3, request_id="mine")])
    await store.judge(outcome(1, request_id="mine"), Verdict(True, 2_000.0))

    assert await store.forget("mine", 2_000.0) == 2
    assert await kept(store) == [Record(outcome(2), None)]


async def test_what_has_expired_is_gone_and_texts_before_it(store: FeedbackStore) -> None:
    await store.record([outcome(number, "Can I join?") for number in (1, 2, 3)])
    await store.judge(outcome(2), Verdict(True, 2_000.0, "thanks"))
    await store.expire(1_002.0, 1_003.0, 0.0)

    assert await kept(store) == [
        Record(outcome(2), Verdict(True, 2_000.0)),
        Record(outcome(3, "Can I join?"), None),
    ]


async def test_nothing_of_what_was_forgotten_is_kept_again(store: FeedbackStore) -> None:
    mine, later = outcome(1, "Can I join?", "mine"), outcome(2, "And how?", "mine")
    await store.record([mine])
    assert await store.forget("mine", 1_001.5) == 1
    assert await store.forget("mine", 1_001.2) == 0

    assert await store.judge(mine, Verdict(False, 2_000.0, "wrong")) is False
    await store.record([mine, later, outcome(3)])  # as a recorder does whose store was away
    assert await store.judge(later, Verdict(True, 2_000.0)) is True
    assert await kept(store) == [Record(later, Verdict(True, 2_000.0)), Record(outcome(3), None)]


async def test_a_request_that_was_never_recorded_is_forgotten_in_advance(store: FeedbackStore) -> None:
    assert await store.forget("mine", 1_001.5) == 0
    assert await store.judge(outcome(1, request_id="mine"), Verdict(True, 2_000.0)) is False
    assert await kept(store) == []


async def test_what_was_forgotten_is_remembered_until_it_expires(store: FeedbackStore) -> None:
    mine, other = outcome(1, request_id="mine"), outcome(1, request_id="other")
    await store.forget("mine", 1_500.0)
    await store.forget("other", 1_700.0)
    await store.expire(0.0, 0.0, 1_600.0)

    assert await store.judge(other, Verdict(True, 2_000.0)) is False
    assert await store.judge(mine, Verdict(True, 2_000.0)) is True


class Interrupted(ElasticsearchFeedback):
    """Somebody deletes the request between the look at the tombstones and the write."""

    interrupted = False

    async def _without_forgotten(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        kept = await super()._without_forgotten(outcomes)
        if not self.interrupted:
            self.interrupted = True
            await self.forget("mine", 1_500.0)
        return kept


@pytest.mark.live
@pytest.mark.parametrize("judged", [False, True])
async def test_what_is_forgotten_in_the_middle_of_a_write_is_not_kept(
    elasticsearch_store: ElasticsearchFeedback, judged: bool
) -> None:
    store = Interrupted(elasticsearch_store.client, elasticsearch_store.alias)
    mine = outcome(1, "Can I join?", "mine")
    if judged:
        assert await store.judge(mine, Verdict(True, 2_000.0)) is False
    else:
        await store.record([mine, outcome(2)])
    assert [record.outcome.request_id for record in await kept(store)] == ([] if judged else ["request-2"])
