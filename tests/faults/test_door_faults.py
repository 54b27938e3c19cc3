"""OpenAI's API and the Model Context Protocol: failures are told in each protocol's own form.

All lead into the same pipeline; each kind of failure is shown once, beside what `/ask` tells.
"""

import sys
from pathlib import Path

import pytest

from app.api.keys import add_key
from tests.faults.calls import SURE, UNSURE, Seen
from tests.faults.doors import ASK, CHAT, CHAT_STREAM, MCP, Asked, seen_through
from tests.faults.models import SAID, reply, says
from tests.faults.page import Page
from tests.faults.services import service_over, slot_taken
from tests.live.serving import Chosen, serving, settings_of
from tests.support.ollama_server import Reply, Then

pytestmark = pytest.mark.anyio
GROUP = "OpenAI's API and MCP, beside `/ask`"
WELL: dict[str, str] = dict.fromkeys((ASK, CHAT, CHAT_STREAM), "200 generated") | {MCP: "200 answered"}
_IN_A_SECOND = {"X-Request-Timeout": "1"}


def refused(status: int, problem: str, chat: str, tool: str | None = None) -> dict[str, str]:
    """`tool`: where the protocol has begun, the error is the tool's."""
    at_chat = f"{400 if status == 422 else status} `{chat}`"
    at_mcp = f"200, error of the tool: {tool}" if tool else f"{status} {problem}"
    return {ASK: f"{status} {problem}", CHAT: at_chat, CHAT_STREAM: at_chat, MCP: at_mcp}


def stand_in(notice: str) -> dict[str, str]:
    return dict.fromkeys((ASK, CHAT, CHAT_STREAM), f"200 extracted, {notice}") | {
        MCP: f"200 answered, {notice}"
    }


FAILED = refused(
    503, "model-unavailable", "model_unavailable", "Ollama failed to run the model tiny; its log says why"
)
BROKEN_OFF = refused(
    503,
    "model-unavailable",
    "model_unavailable",
    "Ollama did not answer, or broke off; is it running at ASKD_OLLAMA_URL?",
) | {CHAT_STREAM: "200, then `model_unavailable`"}
LATE = refused(
    504,
    "deadline-exceeded",
    "deadline_exceeded",
    "the answer took longer than the 1 seconds this request may take; raise X-Request-Timeout, or use mode "
    "extract",
) | {CHAT_STREAM: "200, then `deadline_exceeded`"}

MODEL: dict[str, tuple[Reply, Asked, Seen]] = {
    "the model fails": (reply(b'{"error": "broken"}', status=500), Asked(UNSURE), FAILED),
    "the same, where retrieval is sure": (
        reply(b'{"error": "broken"}', status=500),
        Asked(SURE),
        stand_in("model_unavailable"),
    ),
    "the model breaks off in its first sentence": (reply(SAID, then=Then.TEAR), Asked(UNSURE), BROKEN_OFF),
    "the answer takes longer than the deadline": (
        reply(SAID, then=Then.HANG),
        Asked(UNSURE, headers=_IN_A_SECOND),
        LATE,
    ),
}


@pytest.mark.parametrize("what", MODEL)
async def test_a_model_that_fails(what: str, embedded_index: Chosen, page: Page) -> None:
    says_, asked, expected = MODEL[what]
    async with service_over(embedded_index) as (service, ollama):
        says(ollama, says_)
        seen = await seen_through(service.client, asked)
    page.note(GROUP, what, seen)
    assert seen == expected


async def test_a_queue_that_is_too_long(embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index) as (service, ollama):
        service.assistant.pipeline.admission.service.learn(60.0)
        async with slot_taken(service, ollama):
            seen = await seen_through(service.client, Asked(UNSURE, headers=_IN_A_SECOND))
    page.note(GROUP, "the predicted wait is longer than the deadline", seen)
    waits = (
        "0 questions wait for the model, and an answer would take about … seconds, longer than this request "
        "may; try again in … seconds, or use mode extract"
    )
    assert seen == refused(503, "overloaded", "overloaded", waits)


async def test_no_index(tmp_path: Path, page: Page) -> None:
    async with serving(settings_of({"data_dir": tmp_path})) as service:
        seen = await seen_through(service.client, Asked(SURE))
    page.note(GROUP, "there is no index", seen)
    missing = "there is no index yet; run `askd ingest FILE`"
    assert seen == refused(503, "index-missing", "index_missing", missing)


INVALID = (422, "invalid-request", "invalid_request")
REQUESTS: dict[str, tuple[Chosen, Asked, Seen]] = {
    "the question is blank": (
        {},
        Asked(" "),
        refused(*INVALID, "question: String should have at least 1 character"),
    ),
    "the question has 8,001 characters": (
        {},
        Asked("x" * 8001),
        refused(*INVALID, "question: String should have at most 8000 characters"),
    ),
    "the body has 2 MB": (
        {},
        Asked("x" * 2_000_000),
        refused(413, "request-too-large", "invalid_request"),
    ),
    "there is no such collection": (
        {},
        Asked(SURE, "nope"),
        refused(
            404,
            "unknown-collection",
            "model_not_found",
            "no collection 'nope'; there are: askd, local-models, retrieval",
        ),
    ),
    "the header Host names another service": (
        {"allowed_hosts": "faq.example.org"},
        Asked(SURE),
        refused(421, "misdirected-request", "invalid_request"),
    ),
    "a page of a foreign origin calls; CORS keeps the answers of the others from it": (
        {},
        Asked(SURE, headers={"Origin": "https://foreign.example"}),
        WELL | {MCP: "403 forbidden"},
    ),
}


@pytest.mark.parametrize("what", REQUESTS)
async def test_a_request_that_is_refused(what: str, embedded_index: Chosen, page: Page) -> None:
    chosen, asked, expected = REQUESTS[what]
    async with service_over(embedded_index, chosen) as (service, _):
        seen = await seen_through(service.client, asked)
    page.note(GROUP, what, seen)
    assert seen == expected


async def test_a_caller_without_a_key(embedded_index: Chosen, tmp_path: Path, page: Page) -> None:
    add_key(tmp_path / "keys", "somebody")
    async with service_over(embedded_index, {"api_keys_file": tmp_path / "keys"}) as (service, _):
        seen = await seen_through(service.client, Asked(SURE))
    page.note(GROUP, "it has no API key, and one is needed", seen)
    assert seen == refused(401, "unauthorized", "invalid_api_key")


async def test_a_caller_over_its_limit(embedded_index: Chosen, page: Page) -> None:
    async with service_over(embedded_index, {"rate_limit": "1/day"}) as (service, _):
        assert (await service.client.post("/search", json={"question": SURE})).status_code == 200
        seen = await seen_through(service.client, Asked(SURE))
    page.note(GROUP, "it asks more often than ASKD_RATE_LIMIT allows", seen)
    limited = "more than 1 per 1 day; try again in … seconds"
    assert seen == refused(429, "too-many-requests", "rate_limit_exceeded", limited)


async def test_without_the_extra_mcp(
    embedded_index: Chosen, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.streamable_http_manager", None)
    async with service_over(embedded_index) as (service, _):
        seen = await seen_through(service.client, Asked(SURE))
    page.note(GROUP, "the extra mcp is not installed", seen)
    assert seen == WELL | {MCP: "501 not-installed"}
