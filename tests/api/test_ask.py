import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from app.api.routing import MAX_BODY
from app.errors import (
    AskdError,
    IndexMissing,
    IndexUnreadable,
    ModelMissing,
    ModelTimeout,
    ModelUnavailable,
    SearchUnavailable,
)
from app.indexes.memory import MemoryIndex
from app.models.base import Chunk, Prompt
from app.models.scripted import ScriptedModel
from app.telemetry.logs import JsonLines
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import JOIN

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}
ASKING = ["/ask", "/ask/stream", "/search"]


def events(stream: str) -> list[tuple[str, Any]]:
    """The name and data of each event, in order."""
    found = []
    for block in stream.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_answers_with_sources_as_the_contract_says(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json=LATE)

    assert response.status_code == 200
    body = response.json()
    assert (body.pop("parts"), body.pop("asked")) == ([], None)
    assert body.pop("feedback_token")
    assert 0.5 < body.pop("confidence") < 1
    timings = body.pop("timings_ms")
    assert timings.keys() == {"retrieve", "queue", "queue_position", "first_token", "total"}
    source = {
        "id": "join",
        "collection": "course",
        "section": "",
        "question": JOIN.question,
        "answer": JOIN.answer,
        "url": None,
        "score": 0.9583,
        "in_prompt": True,
        "cited": True,
    }
    assert body.pop("sources")[0] == source
    assert body.pop("usage").keys() == {
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "sources_in_prompt",
        "sources_dropped",
    }
    assert body == {
        "status": "answered",
        "answer": "Yes, you can join at any time.",
        "origin": "generated",
        "sentences": [{"text": "Yes, you can join at any time.", "source": 1, "support": "quoted"}],
        "model": "scripted",
        "cached": False,
        "notices": [],
        "request_id": response.headers["x-request-id"],
    }


async def test_no_answer_is_an_answer(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json={"question": "What is the capital of France?"})

    assert response.status_code == 200
    body = response.json()
    assert (body["status"], body["origin"], body["model"], body["usage"]) == ("no_answer", None, None, None)


async def test_streams_sources_then_tokens_then_the_whole_answer(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask/stream", json=LATE)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    (first, sources), *tokens, (last, done) = events(response.text)
    assert (first, last) == ("sources", "done")
    assert {name for name, _ in tokens} == {"token"}
    assert "".join(data["text"] for _, data in tokens) == done["answer"]
    assert [source["id"] for source in sources["sources"]] == [source["id"] for source in done["sources"]]
    assert "cited" not in sources["sources"][0]
    assert done.keys() == (await client.post("/ask", json=LATE)).json().keys()


async def test_an_unsupported_answer_is_replaced(client: httpx.AsyncClient, llm: ScriptedModel) -> None:
    llm.script = ["You can join ", "with your bananas, which grow on giant herbs."]

    names = [name for name, _ in events((await client.post("/ask/stream", json=LATE)).text)]

    assert names == ["sources", "token", "replace", "done"]


@pytest.mark.parametrize("fallback", ["extract", "no_answer"])
async def test_what_no_model_wrote_is_one_token(client: httpx.AsyncClient, fallback: str) -> None:
    question = LATE | {"mode": "extract"} if fallback == "extract" else {"question": "Who is the pope?"}

    names = [name for name, _ in events((await client.post("/ask/stream", json=question)).text)]

    assert names == ["sources", "token", "done"]


async def test_a_failure_midway_is_the_last_event(client: httpx.AsyncClient, llm: ScriptedModel) -> None:
    llm.script = ["Yes, ", ModelTimeout("too slow")]

    response = await client.post("/ask/stream", json=LATE | {"mode": "generate"})

    assert response.status_code == 200
    *_, (name, problem) = events(response.text)
    assert name == "error"
    assert (problem["type"], problem["status"], problem["detail"]) == (
        "/problems/model-timeout",
        504,
        "too slow",
    )
    assert problem["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("script", [["Yes, ", ModelTimeout("slow")], [ModelTimeout("slow")]])
@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_failure_is_logged_once_also_after_the_first_event(
    client: httpx.AsyncClient,
    llm: ScriptedModel,
    caplog: pytest.LogCaptureFixture,
    path: str,
    script: list[str | Exception],
) -> None:
    llm.script = script

    response = await client.post(path, json=LATE | {"mode": "generate"})

    [failure] = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert failure["problem"] == "/problems/model-timeout"
    assert failure["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (ModelUnavailable("gone"), 503, "model-unavailable"),
        (ModelMissing("not pulled"), 503, "model-missing"),
        (ModelTimeout("slow"), 504, "model-timeout"),
    ],
)
async def test_a_model_that_fails_at_once_is_a_status_on_both_routes(
    client: httpx.AsyncClient, llm: ScriptedModel, path: str, error: AskdError, status: int, type_: str
) -> None:
    llm.script = [error]

    response = await client.post(path, json=LATE | {"mode": "generate"})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == ("5" if status == 503 else None)
    assert response.json() == {
        "type": f"/problems/{type_}",
        "title": type_.replace("-", " ").capitalize(),
        "status": status,
        "detail": str(error),
        "request_id": response.headers["x-request-id"],
    }


class BrokenIndex(MemoryIndex):
    def __init__(self, error: AskdError) -> None:
        super().__init__()
        self.error = error

    def _searchable(self) -> Any:
        raise self.error


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize("collection", [None, "course"])
@pytest.mark.parametrize("error", [SearchUnavailable("down"), IndexMissing("none"), IndexUnreadable("old")])
async def test_a_failed_search_is_a_problem_and_never_no_answer(
    llm: ScriptedModel, path: str, collection: str | None, error: AskdError
) -> None:
    index = BrokenIndex(error)
    async with calling(app_of(assistant_of(index, llm), index, llm)) as client:
        response = await client.post(
            path, json=LATE_IN | {"collection": collection} if collection else LATE_IN
        )

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["detail"] == str(error)


LATE_IN = {"question": LATE["question"]}


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "question", "required"),
        ({"question": ""}, "question", "at least 1"),
        ({"question": " \n\t "}, "question", "at least 1"),
        ({"question": "\u200b"}, "question", "visible"),
        ({"question": "x" * 8001}, "question", "at most 8000"),
        ({"question": 7}, "question", "string"),
        ({"question": None}, "question", "string"),
        ({"question": "x", "limit": 0}, "limit", "greater"),
        ({"question": "x", "limit": 21}, "limit", "less"),
        ({"question": "x", "limit": "5"}, "limit", "integer"),
        ({"question": "x", "limit": True}, "limit", "integer"),
        ({"question": "x", "colection": "a"}, "colection", "not permitted"),
        ({"question": "x", "collection": ""}, "collection", "at least 1"),
        ([], "body", "dictionary"),
        ("text", "body", "dictionary"),
    ],
)
async def test_an_invalid_request_is_a_422_that_names_the_field(
    client: httpx.AsyncClient, path: str, body: object, field: str, says: str
) -> None:
    response = await client.post(path, json=body)

    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "/problems/invalid-request"
    assert field in [error["field"] for error in problem["errors"]]
    assert says in problem["detail"]


async def test_an_unknown_mode_is_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json=LATE | {"mode": "guess"})
    assert response.status_code == 422
    assert "'auto', 'generate' or 'extract'" in response.json()["detail"]


async def test_eight_thousand_characters_after_trimming_and_composing_are_fine(
    client: httpx.AsyncClient,
) -> None:
    question = "  " + "e\u0301" * 8000 + "\n"  # 16,000 code points that compose to 8,000
    assert (await client.post("/search", json={"question": question})).status_code == 200


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize(
    "content", [b"{bad", b"", b'{"question": "\xff"}', b"[" * 30_000, b'{"question": "\\ud800"}']
)
async def test_a_body_that_is_not_json_is_a_422(client: httpx.AsyncClient, path: str, content: bytes) -> None:
    response = await client.post(path, content=content, headers={"content-type": "application/json"})

    assert response.status_code == 422
    assert response.json()["type"] == "/problems/invalid-request"


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_a_415(client: httpx.AsyncClient, path: str, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    response = await client.post(path, content=json.dumps(LATE), headers=headers)

    assert response.status_code == 415
    assert response.json()["type"] == "/problems/unsupported-media-type"


class SlowModel(ScriptedModel):
    """Whose words arrive one by one."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        async for chunk in super().generate(prompt):
            yield chunk
            await asyncio.sleep(0.02)


async def test_a_stream_has_no_empty_tokens(index: MemoryIndex) -> None:
    """Where the beginning of a sentence is held back, only the check of the one before is news."""
    llm = SlowModel(script=["Yes, you can join at any time.", " Home", "work has deadlines."], loaded=True)
    async with calling(app_of(assistant_of(index, llm), index, llm)) as client:
        told = events((await client.post("/ask/stream", json=LATE)).text)
    texts = [data["text"] for name, data in told if name == "token"]
    assert texts == ["Yes, you can join at any time.", " Homework has deadlines."]


@pytest.mark.parametrize("path", ASKING)
async def test_a_body_that_is_too_large_is_a_413(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, json={"question": "x" * MAX_BODY})

    assert response.status_code == 413
    assert response.json()["type"] == "/problems/request-too-large"


async def test_a_body_that_comes_in_pieces_is_measured_too(client: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(MAX_BODY // 100_000 + 1):
            yield b"x" * 100_000

    headers = {"content-type": "application/json"}
    assert (await client.post("/ask", content=endless(), headers=headers)).status_code == 413


@pytest.mark.parametrize("path", ASKING)
async def test_an_unknown_collection_is_a_404_that_names_the_known_ones(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.post(path, json=LATE | {"collection": "nope"})

    assert response.status_code == 404
    assert response.json()["type"] == "/problems/unknown-collection"
    assert "course, tools" in response.json()["detail"]


async def test_nothing_there_and_the_wrong_method_are_problems_too(client: httpx.AsyncClient) -> None:
    missing, wrong = await client.post("/nothing", json=LATE), await client.get("/ask")

    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found")
    assert (wrong.status_code, wrong.json()["type"]) == (405, "/problems/method-not-allowed")
    assert wrong.headers["allow"] == "POST"


async def test_an_unexpected_error_leaks_nothing(
    client: httpx.AsyncClient, llm: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    llm.script = [RuntimeError("secret /etc/passwd")]

    response = await client.post("/ask", json=LATE)

    assert response.status_code == 500
    assert response.json()["type"] == "/problems/internal-error"
    assert "secret" not in response.text
    assert response.json()["request_id"] in {getattr(record, "request_id", None) for record in caplog.records}


async def test_who_hangs_up_while_a_stream_is_held_up_is_no_error(
    index: MemoryIndex, llm: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    llm.script = ["Yes, you can join it "] * 20
    app = app_of(assistant_of(index, llm), index, llm)
    held_up = asyncio.Event()
    asked = iter([{"type": "http.request", "body": json.dumps(LATE | {"mode": "generate"}).encode()}])

    async def receive() -> Message:
        if message := next(asked, None):
            return message
        await held_up.wait()
        await asyncio.sleep(0.1)  # until all that can be written ahead is
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            held_up.set()
            await asyncio.Event().wait()

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/ask/stream",
        "query_string": b"",
        "headers": [(b"host", b"askd"), (b"content-type", b"application/json")],
    }
    async with app.router.lifespan_context(app) as state:
        await app({**scope, "state": dict(state or {})}, receive, send)
    assert llm.closed
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("given", [".", "..", "-x"])
async def test_a_request_id_that_is_no_name_in_a_path_is_replaced(
    client: httpx.AsyncClient, given: str
) -> None:
    response = await client.post("/ask", json=LATE, headers={"X-Request-ID": given})
    assert len(response.headers["x-request-id"]) == 32


async def test_a_well_formed_request_id_of_the_caller_comes_back(client: httpx.AsyncClient) -> None:
    kept = await client.post("/ask", json=LATE, headers={"X-Request-ID": "trace-1.a_B"})
    made = await client.post("/ask", json=LATE, headers={"X-Request-ID": "x" * 200})

    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "trace-1.a_B"
    assert len(made.headers["x-request-id"]) == 32


async def test_every_line_about_a_request_has_its_id(client: httpx.AsyncClient, llm: ScriptedModel) -> None:
    llm.failure = ModelUnavailable("gone")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logging.getLogger("app").addHandler(handler)
    try:
        answer = await client.post("/ask", json=LATE)
    finally:
        logging.getLogger("app").removeHandler(handler)
    (line,) = map(json.loads, written.getvalue().splitlines())
    assert (line["notice"], line["request_id"]) == ("model_unavailable", answer.json()["request_id"])


async def test_the_access_log_has_facts_and_no_question(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await client.post("/ask", json=LATE)
    await client.post("/ask", json={"question": LATE["question"], "colection": LATE["question"]})

    logged = [vars(record) for record in caplog.records]
    assert [line["status"] for line in logged if line["name"] == "askd.access"] == [200, 422]
    assert "possible to join" not in str(logged)


async def test_a_question_of_combining_marks_is_refused_at_once(client: httpx.AsyncClient) -> None:
    began = time.perf_counter()
    response = await client.post("/ask", json={"question": "e" + "\u0301\u0323" * 10_000})
    assert response.status_code == 422
    assert time.perf_counter() - began < 0.3


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_follow_up_is_completed_by_the_conversation(client: httpx.AsyncClient, path: str) -> None:
    history = [
        {"role": "user", "content": "How do I install Docker?"},
        {"role": "assistant", "content": "Let me see."},
    ]
    asked = {"question": "And how?", "history": history}
    response = await client.post(path, json=asked)
    body = response.json() if path == "/ask" else events(response.text)[-1][1]
    assert body["sources"][0]["id"] == "docker"
    assert body["asked"] == "How do I install Docker? And how?"


@pytest.mark.parametrize(
    "history",
    [
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": "x" * 8_001}],
        [{"role": "user", "content": "x"}] * 21,
        "x",
    ],
)
async def test_a_history_that_is_none_is_an_error(client: httpx.AsyncClient, history: object) -> None:
    response = await client.post("/ask", json={"question": "And then?", "history": history})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith("history")
