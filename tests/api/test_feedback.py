"""Feedback on answers: who may give it, and what is kept."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.feedback import tokens
from app.feedback.base import Outcome, Record
from app.feedback.memory import MemoryFeedback
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ
from tests.support.feedback import SECRET

pytestmark = pytest.mark.anyio
LATE = "Is it possible to join the course at any time?"
KEEPING = Settings(keep_questions=30)


@pytest.fixture
def store() -> MemoryFeedback:
    return MemoryFeedback()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
async def client(store: MemoryFeedback, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    index, llm = MemoryIndex(FAQ), ScriptedModel(script=["Yes, you can join at any time."], loaded=True)
    app = app_of(assistant_of(index, llm, prompt_tokens=400), index, llm, settings, store=store)
    async with calling(app) as client:
        yield client


async def token_of(client: httpx.AsyncClient, question: str = LATE) -> str:
    response = await client.post("/ask", json={"question": question})
    assert response.status_code == 200, response.text
    return str(response.json()["feedback_token"])


async def give(client: httpx.AsyncClient, token: str, **more: Any) -> httpx.Response:
    return await client.post("/feedback", json={"token": token, "helpful": True, **more})


async def kept(store: MemoryFeedback) -> list[Record]:
    return [record async for record in store.records(0.0)]


async def test_a_verdict_is_kept_with_what_was_answered(
    client: httpx.AsyncClient, store: MemoryFeedback
) -> None:
    answer = (await client.post("/ask", json={"question": LATE})).json()
    response = await give(client, answer["feedback_token"], helpful=False)

    assert response.status_code == 200, response.text
    assert response.json() == {
        "request_id": answer["request_id"],
        "helpful": False,
        "comment_kept": False,
    }
    [record] = await kept(store)
    assert record.verdict is not None
    assert record.verdict.helpful is False
    assert record.outcome.request_id == answer["request_id"]
    assert record.outcome.status == "answered"
    assert record.outcome.index_version == (await client.get("/collections")).json()["index"]["version"]
    assert [entry.key for entry in record.outcome.entries if entry.cited] == ["course/join"]


async def test_every_door_hands_out_a_token_that_counts(
    client: httpx.AsyncClient, store: MemoryFeedback
) -> None:
    stream = await client.post("/ask/stream", json={"question": LATE})
    done = json.loads(stream.text.rpartition("event: done\ndata: ")[2].partition("\n")[0])
    chat = {"model": "askd", "messages": [{"role": "user", "content": LATE}]}
    completion = (await client.post("/v1/chat/completions", json=chat)).json()["askd"]
    streamed = await client.post("/v1/chat/completions", json={**chat, "stream": True})
    last = next(line for line in streamed.text.splitlines() if '"askd":' in line)
    tokens_ = [
        done["feedback_token"],
        completion["feedback_token"],
        json.loads(last.removeprefix("data: "))["askd"]["feedback_token"],
    ]

    assert len(set(tokens_)) == 3
    for token in tokens_:
        assert (await give(client, token)).status_code == 200
    assert [record.verdict.helpful for record in await kept(store) if record.verdict] == [True] * 3


async def test_a_second_verdict_replaces_the_first(client: httpx.AsyncClient, store: MemoryFeedback) -> None:
    token = await token_of(client)
    await give(client, token, helpful=True)
    assert (await give(client, token, helpful=False)).status_code == 200

    [record] = await kept(store)
    assert record.verdict is not None
    assert record.verdict.helpful is False


async def test_two_answers_with_one_request_id_are_judged_apart(
    client: httpx.AsyncClient, store: MemoryFeedback
) -> None:
    client.headers["X-Request-ID"] = "mine"
    first, second = await token_of(client), await token_of(client)
    await give(client, first, helpful=True)
    await give(client, second, helpful=False)

    assert [record.verdict.helpful for record in await kept(store) if record.verdict] == [True, False]


@pytest.mark.parametrize("settings", [KEEPING])
async def test_a_comment_is_kept_where_a_setting_says_so(
    client: httpx.AsyncClient, store: MemoryFeedback
) -> None:
    response = await give(client, await token_of(client), comment="  It helped.  ")

    assert response.json()["comment_kept"] is True
    [record] = await kept(store)
    assert record.verdict is not None
    assert record.verdict.comment == "It helped."


async def test_neither_question_nor_comment_is_kept_by_default(
    client: httpx.AsyncClient, store: MemoryFeedback
) -> None:
    response = await give(client, await token_of(client), comment="It helped.")

    assert response.json()["comment_kept"] is False
    [record] = await kept(store)
    assert record.verdict is not None
    assert (record.outcome.question, record.verdict.comment) == (None, None)


async def test_the_entry_that_is_meant_has_to_be_one_that_was_shown(
    client: httpx.AsyncClient, store: MemoryFeedback
) -> None:
    token = await token_of(client)
    refused = await give(client, token, entry="course/none")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "entry"

    assert (await give(client, token, entry="course/join")).status_code == 200
    [record] = await kept(store)
    assert record.verdict is not None
    assert record.verdict.entry == "course/join"


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-4] + "AAAA",
        lambda token: "A" + token,
        lambda token: token.partition(".")[0],
        lambda token: token + ".x",
        lambda token: "Füße.ü",
        lambda token: "0",
    ],
)
async def test_a_forged_token_is_refused_in_words(
    client: httpx.AsyncClient, store: MemoryFeedback, forge: Any
) -> None:
    response = await give(client, forge(await token_of(client)))

    assert response.status_code == 403, response.text
    assert response.json()["type"] == "/problems/feedback-token-invalid"
    assert "feedback_token of an answer" in response.json()["detail"]
    assert all(record.verdict is None for record in await kept(store))


async def test_a_token_is_valid_for_a_day(client: httpx.AsyncClient) -> None:
    outcome = tokens.read(await token_of(client), SECRET, 0.0)
    old = Outcome(**{**_fields(outcome), "time": outcome.time - 24 * 3600 - 1})
    response = await give(client, tokens.sign(old, SECRET))

    assert response.status_code == 410
    assert response.json()["type"] == "/problems/feedback-token-expired"
    assert "24 hours" in response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "x"},
        {"token": "x", "helpful": "yes"},
        {"token": "x", "helpful": 1},
        {"token": "x" * 8_193, "helpful": True},
        {"token": "x", "helpful": True, "comment": "x" * 1_001},
        {"token": "x", "helpful": True, "why": "x"},
        {"token": 1, "helpful": True},
    ],
)
async def test_what_is_not_feedback_is_refused(client: httpx.AsyncClient, body: Any) -> None:
    assert (await client.post("/feedback", json=body)).status_code == 422


@pytest.mark.parametrize("settings", [Settings(rate_limit="2/minute")])
async def test_feedback_counts_against_the_rate_limit(client: httpx.AsyncClient) -> None:
    token = await token_of(client)
    assert (await give(client, token)).status_code == 200
    assert (await give(client, token)).status_code == 429


async def test_a_token_of_many_entries_with_long_ids_stays_short() -> None:
    outcome = tokens.read(tokens.sign(_long(), b"secret"), b"secret", 0.0)

    assert 0 < len(outcome.entries) < 20
    assert len(tokens.sign(_long(), b"secret")) < tokens.LONGEST_TOKEN


def _long() -> Outcome:
    from app.domain import Status
    from app.feedback.base import Shown

    entries = [Shown("ü" * 500, f"{number}{'ß' * 500}", True) for number in range(20)]
    return Outcome("1" * 16, "r" * 128, 1.0, "v", Status.ANSWERED, None, "ö" * 512, entries)


def _fields(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in Outcome.__slots__}
