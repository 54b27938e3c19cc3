"""Callers who ask for too much, wait too little, come too often or go away; and what others notice of it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.api import routing
from tests.faults.calls import CALLS, SURE, UNSURE, WRITTEN, Call, made, model_fails, seen_by, told
from tests.faults.models import DONE, SAID, reply, says
from tests.faults.models import WELL as ANSWERS
from tests.faults.page import Page
from tests.faults.services import service_over, slot_taken
from tests.live.serving import Chosen, Service
from tests.live.tcp_proxy import Stall, TcpProxy, until
from tests.support.ollama_server import Reply, Then

pytestmark = pytest.mark.anyio

REQUESTS, LOAD, CALLERS = "Invalid requests", "Overload and deadlines", "Misbehaving callers"
_SEES = "callers see"


# --- requests ------------------------------------------------------------------------------------

_JSON = "application/json"
WITHOUT_SENSE: dict[str, tuple[bytes, str, str]] = {
    "the body has 2 MB": (b'{"question": "%s"}' % (b"x" * 2_000_000), _JSON, "413 request-too-large"),
    "the question is empty": (b'{"question": ""}', _JSON, "422 invalid-request"),
    "the question is blank": (b'{"question": "  \\n "}', _JSON, "422 invalid-request"),
    "the question has 8,001 characters": (
        b'{"question": "%s"}' % (b"x" * 8001),
        _JSON,
        "422 invalid-request",
    ),
    "there is an unknown field": (
        b'{"question": "Docker?", "colection": "askd"}',
        _JSON,
        "422 invalid-request",
    ),
    "the body is not valid JSON": (b'{"question": "Docker?"', _JSON, "422 invalid-request"),
    "the body is not UTF-8": (b'{"question": "\xff"}', _JSON, "422 invalid-request"),
    "the body is not sent as JSON": (b"question=Docker", "text/plain", "415 unsupported-media-type"),
    "there is no such collection": (
        b'{"question": "Docker?", "collection": "nope"}',
        _JSON,
        "404 unknown-collection",
    ),
}


@pytest.mark.parametrize("what", WITHOUT_SENSE)
async def test_a_request_without_sense_is_refused(what: str, embedded_index: Chosen, page: Page) -> None:
    content, kind, expected = WITHOUT_SENSE[what]
    seen = {}
    async with service_over(embedded_index) as (service, _):
        for path in ("/ask", "/ask/stream", "/search"):
            response = await service.client.post(path, content=content, headers={"content-type": kind})
            seen[path] = told(response)
    page.note(REQUESTS, what, seen)
    assert seen == dict.fromkeys(seen, expected)


# --- load and deadlines --------------------------------------------------------------------------


async def test_a_queue_that_is_too_long(embedded_index: Chosen, page: Page) -> None:
    """As far as it knows the one before takes a minute."""
    async with service_over(embedded_index) as (service, ollama):
        service.assistant.pipeline.admission.service.learn(60.0)
        async with slot_taken(service, ollama):
            seen = await seen_by(service.client, patience=10.0)
    page.note(LOAD, "the predicted wait is longer than the deadline", seen)
    assert seen == model_fails(503, "overloaded")


async def test_a_wait_that_takes_longer_than_was_to_be_seen(embedded_index: Chosen, page: Page) -> None:
    seen = {}
    for name, call in CALLS.items():  # each while the one before has just begun
        async with service_over(embedded_index) as (service, ollama), slot_taken(service, ollama):
            seen[name] = await made(call, service.client, patience=4.0)
    page.note(LOAD, "the wait in the queue takes longer than predicted", seen)
    assert seen == model_fails(503, "overloaded", streamed="200, then `error` overloaded")


async def test_a_model_that_takes_longer_than_the_caller_waits(embedded_index: Chosen, page: Page) -> None:
    seen = {}
    for name, call in CALLS.items():
        async with service_over(embedded_index) as (service, ollama):
            says(ollama, reply(SAID, then=Then.HANG))
            seen[name] = await made(call, service.client, patience=1.0)
            if name != "search":
                await until(ollama.left.is_set, seconds=1)
    page.note(LOAD, "the answer takes longer than the deadline", seen)
    late = "504 deadline-exceeded"
    assert seen == WRITTEN | {
        "auto, sure of the entry": "200 extracted, model_timeout",
        "auto, not sure": late,
        "generate": late,
        "generate, as a stream": "200, some words, then `error` deadline-exceeded",
    }


@pytest.mark.live
async def test_a_search_that_takes_longer_than_the_caller_waits(
    elasticsearch_index: Chosen, elasticsearch_proxy: TcpProxy, page: Page
) -> None:
    proxied = {"elasticsearch_url": elasticsearch_proxy.url}
    async with service_over(elasticsearch_index, proxied) as (service, _):
        elasticsearch_proxy.fault = Stall("/_msearch")
        seen = await seen_by(service.client, patience=1.0)
    page.note(LOAD, "the search takes longer than the deadline", seen)
    assert seen == dict.fromkeys(CALLS, "504 deadline-exceeded")


async def test_a_model_that_failed_again_and_again_is_spared(embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index) as (service, ollama):
        says(ollama, reply(b'{"error": "broken"}', status=500))
        for _ in range(5):
            await made(CALLS["generate"], service.client)
        says(ollama, ANSWERS)
        asked = len(ollama.requests)
        seen = await seen_by(service.client, patience=10.0)
        assert [path for path, _ in ollama.requests[asked:] if path == "/api/chat"] == []
        async with asyncio.timeout(20):  # the breaker pauses for five seconds
            while await made(CALLS["generate"], service.client) != "200 generated":
                await asyncio.sleep(0.2)
    page.note(LOAD, "the model failed five times in a row: it is not called for five seconds", seen)
    assert seen == model_fails(503, "model-unavailable")


# --- callers -------------------------------------------------------------------------------------


async def raw(service: Service, request: bytes, seconds: float = 10.0) -> bytes:
    """What comes on a connection of its own until it is closed."""
    host, port = service.client.base_url.host, service.client.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        async with asyncio.timeout(seconds):
            return await reader.read()
    finally:
        writer.close()


def post(body: Mapping[str, Any], *, length: int | None = None, headers: str = "") -> bytes:
    data = json.dumps(body).encode()
    size = len(data) if length is None else length
    head = f"POST /ask HTTP/1.1\r\nhost: askd\r\ncontent-type: application/json\r\n{headers}"
    return f"{head}content-length: {size}\r\n\r\n".encode() + data


async def test_a_body_that_never_comes(
    embedded_index: Chosen, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "_BODY_SECONDS", 0.5)
    async with service_over(embedded_index) as (service, _):
        answer = await raw(service, post({"question": SURE}, length=1000))
    assert b"/problems/request-timeout" in answer
    page.note(CALLERS, "the body does not arrive", {_SEES: "408 request-timeout, the connection is closed"})
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_bytes_that_are_no_http(embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index) as (service, _):
        answer = await raw(service, b"\x16\x03\x01 hello\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert await made(CALLS["search"], service.client) == WRITTEN["search"]
    page.note(CALLERS, "it does not speak HTTP", {_SEES: "400, the connection is closed"})


async def test_a_deadline_without_sense(embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index) as (service, _):
        response = await service.client.post(
            "/ask", json={"question": SURE}, headers={"X-Request-Timeout": "soon"}
        )
    seen = told(response)
    page.note(CALLERS, "X-Request-Timeout is not a number", {_SEES: seen})
    assert seen == "422 invalid-request"


async def test_a_caller_over_its_limit(embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index, {"rate_limit": "2/hour"}) as (service, _):
        for _ in range(2):
            assert await made(CALLS["search"], service.client) == WRITTEN["search"]
        seen = await made(CALLS["generate"], service.client)
    page.note(CALLERS, "it asks more often than ASKD_RATE_LIMIT allows", {_SEES: seen})
    assert seen == "429 too-many-requests"


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_caller_who_hangs_up(path: str, embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index) as (service, ollama):
        async with slot_taken(service, ollama, path):
            pass
        await until(ollama.left.is_set, seconds=1)
        says(ollama, ANSWERS)
        assert await made(CALLS["generate"], service.client) == "200 generated"
    page.note(
        CALLERS, f"it hangs up on {path}", {_SEES: "nothing; the model stops, the next is served at once"}
    )


async def test_a_caller_who_does_not_read(embedded_index: Chosen, page: Page) -> None:
    """Its stream ends up in the sockets' buffers; the slot is free as soon as the model has said all."""
    async with (
        service_over(embedded_index) as (service, _),
        service.calling("/ask/stream", question=SURE, mode="generate"),
    ):
        await asyncio.sleep(0.3)
        assert await made(CALLS["generate"], service.client) == "200 generated"
        assert service.assistant.pipeline.admission.serving == 0
    page.note(CALLERS, "it does not read its stream", {_SEES: "nothing; others are served"})


async def test_the_same_question_many_times_at_once(embedded_index: Chosen, page: Page) -> None:
    """Half of those who share the generation hang up; the others get it."""
    call = Call("/ask", {"question": UNSURE, "mode": "generate"})
    async with service_over(embedded_index) as (service, ollama):
        says(ollama, Reply((SAID, DONE), pause=1.0))  # long enough for all to come and to go
        asked = len(ollama.requests)
        tasks = [asyncio.create_task(made(call, service.client)) for _ in range(4)]
        for _ in range(4):
            async with service.calling("/ask", **call.body):
                await asyncio.sleep(0.01)
        seen = await asyncio.gather(*tasks)
        chats = [path for path, _ in ollama.requests[asked:] if path == "/api/chat"]
    page.note(
        CALLERS, "some callers of one shared answer hang up", {_SEES: "nothing; the others get the answer"}
    )
    assert seen == ["200 generated"] * 4
    assert len(chats) == 1
