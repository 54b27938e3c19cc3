"""The doors of other protocols, and what their callers see of a fault: in the same few words as elsewhere."""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx

from tests.faults.calls import PATIENCE, Seen, told
from tests.live.problems import check_no_leak

CHAT, CHAT_STREAM, MCP = "/v1/chat/completions", "the same, as a stream", "/mcp, the tool `ask`"
ASK = "/ask"  # beside them, to compare
_ESTIMATE = re.compile(r"\b(in|about) \d+ seconds")  # it differs from run to run
_ACCEPT = {"Accept": "application/json, text/event-stream"}


class Asked(NamedTuple):
    question: str
    collection: str | None = None
    headers: Mapping[str, str] = MappingProxyType({"X-Request-Timeout": f"{PATIENCE:g}"})


async def seen_through(client: httpx.AsyncClient, asked: Asked) -> Seen:
    """What a question gets through each door, one after the other, from one service."""
    return {name: await door(client, asked) for name, door in _DOORS.items()}


async def _ask(client: httpx.AsyncClient, asked: Asked) -> str:
    body = {"question": asked.question, "collection": asked.collection}
    return told(await client.post(ASK, json=body, headers=dict(asked.headers)))


async def _chat(client: httpx.AsyncClient, asked: Asked) -> str:
    response = await client.post(CHAT, json=_body(asked), headers=dict(asked.headers))
    if response.status_code != 200:
        return _refused(response)
    return f"200 {_answer(response.json()['askd'])}"


async def _chat_stream(client: httpx.AsyncClient, asked: Asked) -> str:
    body = {**_body(asked), "stream": True}
    response = await client.post(CHAT, json=body, headers=dict(asked.headers))
    if response.status_code != 200:
        return _refused(response)
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    if lines[-1] == "[DONE]":
        return f"200 {_answer(json.loads(lines[-2])['askd'])}"
    *chunks, last = map(json.loads, lines)
    words = any(choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"])
    return f"200{', some words' if words else ''}, then {_error(last)}"


async def _mcp(client: httpx.AsyncClient, asked: Asked) -> str:
    arguments = {"question": asked.question, "collection": asked.collection}
    call = {"name": "ask", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    response = await client.post("/mcp", json=message, headers={**_ACCEPT, **asked.headers})
    if response.status_code != 200:
        return told(response)
    [data] = [line for line in response.text.splitlines() if line.startswith("data: ")][-1:]
    result = json.loads(data.removeprefix("data: "))["result"]
    check_no_leak(result)
    if not result.get("isError"):
        return f"200 {_answer(result['structuredContent'])}"
    [said] = result["content"]
    return "200, error of the tool: " + _ESTIMATE.sub(r"\1 … seconds", said["text"])


_DOORS = {ASK: _ask, CHAT: _chat, CHAT_STREAM: _chat_stream, MCP: _mcp}


def _body(asked: Asked) -> Mapping[str, Any]:
    model = f"askd/{asked.collection}" if asked.collection else "askd"
    return {"model": model, "messages": [{"role": "user", "content": asked.question}]}


def _refused(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/json"
    assert (response.status_code in (429, 503)) == ("retry-after" in response.headers)
    return f"{response.status_code} {_error(response.json())}"


def _error(body: Mapping[str, Any]) -> str:
    check_no_leak(body)
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return f"`{error['code']}`"


def _answer(answer: Mapping[str, Any]) -> str:
    notices: Sequence[Mapping[str, str]] = answer["notices"]
    check_no_leak(notices)
    return ", ".join([answer.get("origin") or answer["status"], *(notice["code"] for notice in notices)])
