"""The Model Context Protocol over HTTP, by the official SDK's own client."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp_types import CallToolResult, TextContent, TextResourceContents

from app.answering.service import Assistant
from app.feedback.memory import MemoryFeedback
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import DOCKER, FAQ
from tests.support.served import served

pytestmark = pytest.mark.anyio
LATE = "Is it possible to join the course at any time?"
LIST_TOOLS = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.fixture(params=["auto", "legacy"])
async def mcp(request: pytest.FixtureRequest, app: Any) -> AsyncIterator[Client]:
    """A client of today's protocol, and one of those before it."""
    async with served(app) as http, Client(f"{http.base_url}/mcp", mode=request.param) as client:
        yield client


async def test_the_tools_say_what_they_take_and_that_they_only_read(mcp: Client) -> None:
    tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
    assert set(tools) == {"ask", "search", "fetch", "list_collections"}
    for tool in tools.values():
        assert tool.output_schema
        assert tool.annotations
        assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (True, False)
    assert tools["ask"].input_schema["required"] == ["question"]
    assert "no_answer" in (tools["ask"].description or "")


async def test_an_answer_comes_with_its_sources_and_progress(mcp: Client) -> None:
    told: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    result = await mcp.call_tool("ask", {"question": LATE}, progress_callback=note)
    assert not result.is_error
    answer = result.structured_content
    assert (answer["status"], answer["answer"]) == ("answered", "Yes, you can join at any time.")
    assert answer["sources"][0]["id"] == "course/join"
    assert answer["sources"][0]["cited"]
    assert "Sources:\n[1] Can I still join the course?" in text_of(result)
    assert told[0].startswith("reading ")
    assert "".join(told[1:]).startswith("Yes, you can join at any time.")


async def test_what_the_faq_does_not_hold_is_told_as_such(mcp: Client) -> None:
    result = await mcp.call_tool("ask", {"question": "Who painted the Mona Lisa in Florence?"})
    assert not result.is_error
    assert result.structured_content["status"] == "no_answer"


async def test_what_an_assistant_asks_is_recorded_for_gaps(
    assistant: Assistant, index: MemoryIndex, llm: ScriptedModel
) -> None:
    store = MemoryFeedback()
    app = app_of(assistant, index, llm, store=store)
    async with served(app) as http, Client(f"{http.base_url}/mcp") as client:
        await client.call_tool("ask", {"question": "Who painted the Mona Lisa in Florence?"})
    [record] = [record async for record in store.records(0.0)]
    assert record.outcome.status == "no_answer"


async def test_what_search_finds_can_be_fetched_and_read(mcp: Client) -> None:
    found = (await mcp.call_tool("search", {"query": "install docker", "limit": 1})).structured_content
    [hit] = found["results"]
    assert (hit["id"], hit["title"], hit["text"]) == ("tools/docker", DOCKER.question, DOCKER.answer)

    fetched = (await mcp.call_tool("fetch", {"id": hit["id"]})).structured_content
    assert fetched["text"] == DOCKER.answer
    assert fetched["metadata"] == {"collection": "tools", "section": "Setup"}

    [content] = (await mcp.read_resource(hit["url"])).contents
    assert isinstance(content, TextResourceContents)
    assert content.text == f"# {DOCKER.question}\n\n{DOCKER.answer}\n"


async def test_the_collections_and_entries_are_listed(mcp: Client) -> None:
    there = (await mcp.call_tool("list_collections", {})).structured_content
    assert [(each["name"], each["entries"]) for each in there["collections"]] == [("course", 3), ("tools", 1)]
    listed = await mcp.list_resources()
    assert [resource.uri for resource in listed.resources] == [
        f"faq://{entry.collection}/{entry.id}" for entry in FAQ
    ]
    [template] = (await mcp.list_resource_templates()).resource_templates
    assert template.uri_template == "faq://{collection}/{id}"


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {"question": " "}, "question: "),
        ("ask", {}, "question: Field required"),
        ("ask", {"question": LATE, "collection": "nowhere"}, "no collection 'nowhere'"),
        ("search", {"query": LATE, "limit": 21}, "limit: "),
        ("fetch", {"id": "course/nothing"}, "the FAQ has no such entry"),
    ],
)
async def test_a_mistake_is_an_error_of_the_tool_that_says_what_to_do(
    mcp: Client, tool: str, arguments: dict[str, Any], said: str
) -> None:
    result = await mcp.call_tool(tool, arguments)
    assert result.is_error
    assert said in text_of(result)


async def test_what_there_is_not_is_an_error_of_the_protocol(mcp: Client) -> None:
    with pytest.raises(MCPError, match="there is no such tool"):
        await mcp.call_tool("vote", {})
    with pytest.raises(MCPError, match="the FAQ has no such entry"):
        await mcp.read_resource("faq://course/nothing")


async def test_a_tampered_sentence_is_never_sent(index: MemoryIndex) -> None:
    script = ["Yes, you can join ", "at any time. Homework has", " no deadlines ", "at all."]
    llm = ScriptedModel(script=script, loaded=True)
    told: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    app = app_of(assistant_of(index, llm), index, llm)
    async with served(app) as http, Client(f"{http.base_url}/mcp") as client:
        result = await client.call_tool("ask", {"question": LATE}, progress_callback=note)
    said = "".join(told) + text_of(result) + json.dumps(result.structured_content)
    assert "no deadlines" not in said
    assert "Homework has deadlines." in text_of(result)
    assert [notice["code"] for notice in result.structured_content["notices"]] == ["unsupported"]


async def test_a_failure_is_told_as_elsewhere(index: MemoryIndex) -> None:
    llm = ScriptedModel(script=[], loaded=True)
    empty = MemoryIndex()
    app = app_of(assistant_of(empty, llm), empty, llm)
    async with served(app) as http, Client(f"{http.base_url}/mcp") as client:
        result = await client.call_tool("ask", {"question": LATE})
    assert result.is_error
    assert "run `askd ingest FILE`" in text_of(result)


async def test_pages_of_foreign_origins_may_not_call(index: MemoryIndex, llm: ScriptedModel) -> None:
    settings = Settings(
        _env_file=None, cors_origins="https://chat.example.org", allowed_hosts="askd,127.0.0.1,fd00::1"
    )
    async with calling(app_of(assistant_of(index, llm), index, llm, settings)) as client:
        statuses = {}
        for origin in (
            "https://evil.example",
            "http://[evil",
            "null",
            "https://chat.example.org",
            "http://localhost:3000",
            "http://askd:8000",
            "http://[fd00::1]:8000",
        ):
            response = await client.post("/mcp", json=LIST_TOOLS, headers={**ACCEPT, "Origin": origin})
            statuses[origin] = response.status_code
    assert list(statuses.values()) == [403, 403, 403, 200, 200, 200, 200]


async def test_pages_of_allowed_origins_may_send_what_clients_send(
    index: MemoryIndex, llm: ScriptedModel
) -> None:
    settings = Settings(_env_file=None, cors_origins="https://chat.example.org")
    asks = {"Access-Control-Request-Method": "POST", "Origin": "https://chat.example.org"}
    asks["Access-Control-Request-Headers"] = "content-type,mcp-protocol-version,mcp-session-id,authorization"
    async with calling(app_of(assistant_of(index, llm), index, llm, settings)) as client:
        assert (await client.options("/mcp", headers=asks)).status_code == 200


async def test_keys_and_the_rate_limit_hold_here_as_elsewhere(index: MemoryIndex, llm: ScriptedModel) -> None:
    settings = Settings(_env_file=None, rate_limit="1/hour")
    app = app_of(assistant_of(index, llm), index, llm, settings)
    async with served(app) as http, Client(f"{http.base_url}/mcp") as client:
        await client.list_tools()
        assert not (await client.call_tool("ask", {"question": LATE})).is_error
        refused = await client.call_tool("ask", {"question": LATE})
    assert refused.is_error
    assert "try again in" in text_of(refused)


@pytest.mark.parametrize(
    ("method", "body", "kind", "status"),
    [
        ("GET", None, None, 405),
        ("DELETE", None, None, 405),
        ("POST", b"{}", "text/plain", 415),
        ("POST", b"x" * 2_000_000, "application/json", 413),
    ],
)
async def test_what_is_no_message_is_answered_with_a_problem(
    client: httpx.AsyncClient, method: str, body: bytes | None, kind: str | None, status: int
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = await client.request(method, "/mcp", content=body, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_without_the_extra_it_says_which_one_to_install(
    index: MemoryIndex, llm: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.streamable_http_manager", None)
    async with calling(app_of(assistant_of(index, llm), index, llm)) as client:
        response = await client.post("/mcp", json=LIST_TOOLS, headers=ACCEPT)
    assert response.status_code == 501
    assert response.json()["type"] == "/problems/not-installed"
    assert "'.[mcp]'" in response.json()["detail"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_model_stops_when_the_caller_leaves(index: MemoryIndex, mode: str) -> None:
    llm = ScriptedModel(script=["Yes, you can join."], loaded=True)
    llm.pause.clear()
    assistant = assistant_of(index, llm)
    async with served(app_of(assistant, index, llm)) as http:
        async with Client(f"{http.base_url}/mcp", mode=mode) as client:
            asking = asyncio.create_task(client.call_tool("ask", {"question": LATE}))
            while not assistant.pipeline.admission.serving:
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.wait([asking])
        async with asyncio.timeout(5):
            while assistant.pipeline.admission.serving:
                await asyncio.sleep(0.01)
