"""Fuzzed requests to `/v1`, `/mcp` and `/feedback`: no failure of the server, errors in their own form."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain import Status
from app.feedback.base import Outcome, Shown
from app.feedback.sqlite import SqliteFeedback
from app.feedback.tokens import sign
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ
from tests.support.feedback import SECRET
from tests.support.sizes import REQUESTS, SEED

pytestmark = pytest.mark.anyio
_TEXTS = (
    "Is it possible to join the course at any time?",
    "And on Windows?",
    "",
    " ",
    "\x00",
    "\ud800",
    "é漢𝔘\u202e\u2028",
    "a\u0301" * 500,
    "x" * 8_001,
    '### Task:\nGenerate a title.\n### Output:\nJSON format: { "title": "your title" }',
    "### Task:\nRespond to the user query\n<user_query>Can I get a refund?</user_query>",
    "<script>alert(1)</script>",
    "[1] [2] Sources:",
)
_ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    10**30,
    [],
    {},
    [[]],
    "",
    "askd",
    "askd/course",
    "askd/",
    "nowhere",
)
_V1_PATHS = ("/v1/models", "/v1/models/askd", "/v1/models/x/y", "/v1/other", "/v1/chat/completions")
_MCP_METHODS = (
    "initialize", "ping", "tools/list", "tools/call", "tools/call", "tools/call", "resources/list",
    "resources/read", "resources/templates/list", "prompts/list", "notifications/initialized", "no/such", "",
)  # fmt: skip
_MCP_VERSIONS = ("2025-06-18", "2025-11-25", "2026-07-28", "1", "")
_MOST_SECONDS = 5.0


def _odd(chance: random.Random, depth: int = 3) -> Any:
    """Any JSON value."""
    match chance.randrange(5 if depth else 2):
        case 0:
            return chance.choice(_TEXTS)
        case 1 | 2:
            return chance.choice(_ODD)
        case 3:
            return [_odd(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {chance.choice(("role", "type", "text", "x")): _odd(chance, depth - 1) for _ in range(2)}


def _or_odd(chance: random.Random, value: Any) -> Any:
    return _odd(chance) if chance.random() < 0.04 else value


def _message(chance: random.Random) -> Any:
    text = chance.choice(_TEXTS)
    parts = [{"type": chance.choice(("text", "input_text", "image_url")), "text": text}]
    return {
        "role": _or_odd(chance, chance.choice(("user", "user", "assistant", "system", "developer", "tool"))),
        "content": _or_odd(chance, chance.choice((text, parts))),
    }


def _chat(chance: random.Random) -> Any:
    body = {
        "model": _or_odd(chance, "askd"),
        "messages": _or_odd(
            chance, [_or_odd(chance, _message(chance)) for _ in range(chance.randrange(1, 6))]
        ),
        "stream": _or_odd(chance, chance.random() < 0.5),
    }
    further = {
        "stream_options": {"include_usage": True},
        "n": 1,
        "temperature": 0.1,
        "tools": [],
        "askd": {"limit": 3, "mode": chance.choice(("auto", "extract", "generate"))},
    }
    for name in chance.sample(sorted(further), chance.randrange(3)):
        body[name] = _or_odd(chance, further[name])
    return body


def _rpc(chance: random.Random) -> Any:
    arguments = {
        "question": _or_odd(chance, chance.choice(_TEXTS)),
        "query": _or_odd(chance, chance.choice(_TEXTS)),
        "id": _or_odd(chance, "course/join"),
    }
    called = {
        "name": _or_odd(chance, chance.choice(("ask", "search", "fetch", "list_collections"))),
        "arguments": _or_odd(chance, dict(chance.sample(sorted(arguments.items()), chance.randrange(3)))),
    }
    read = {"uri": _or_odd(chance, chance.choice(("faq://course/join", "faq://", "file:///etc/passwd", "%")))}
    method = chance.choice(_MCP_METHODS)
    params = {
        "tools/call": called,
        "resources/read": read,
        "resources/list": {"cursor": chance.choice(("0", "x"))},
    }
    return {
        "jsonrpc": _or_odd(chance, "2.0"),
        "id": _or_odd(chance, chance.randrange(100)),
        "method": _or_odd(chance, method),
        "params": _or_odd(chance, params.get(method, {})),
    }


def _feedback(chance: random.Random) -> Any:
    shown = [Shown("course", id_, True) for id_ in ("join", "refund")]
    time_ = time.time() - chance.choice((0, 0, 0, 0, 90_000))
    outcome = Outcome(
        f"{chance.randrange(50):016x}",
        "r",
        time_,
        "1",
        Status.ANSWERED,
        None,
        chance.choice(("course", None)),
        shown,
    )
    token = sign(outcome, chance.choice((SECRET, SECRET, SECRET, b"another")))
    if chance.random() < 0.1:
        at = chance.randrange(len(token))
        token = token[:at] + chance.choice(("", ".", "A", "é", "\x00")) + token[at + 1 :]
    body = {"token": _or_odd(chance, token), "helpful": _or_odd(chance, chance.random() < 0.5)}
    further = {"comment": chance.choice(_TEXTS), "entry": chance.choice(("course/join", "course/x", ""))}
    for name in chance.sample(sorted(further), chance.randrange(3)):
        body[name] = _or_odd(chance, further[name])
    return body


def _bytes(chance: random.Random, body: Any) -> bytes:
    """As JSON, now and then damaged."""
    content = bytearray(json.dumps(body).encode())
    if chance.random() < 0.05:
        at = chance.randrange(len(content) + 1)
        content[at : at + chance.choice((1, 5))] = chance.choice((b"", b"\x00", b"\xff", b"{", b"[" * 2_000))
    return bytes(content)


def _check_v1(response: httpx.Response) -> None:
    if response.status_code >= 400:
        error = response.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]


def _check_mcp(response: httpx.Response) -> None:
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        assert response.json()["type"].startswith("/problems/")
    elif response.status_code >= 400:
        assert response.json()["error"]["message"]


def _check_feedback(response: httpx.Response) -> None:
    if response.status_code >= 400:
        assert response.json()["type"].startswith("/problems/")
    else:
        assert set(response.json()) == {"request_id", "helpful", "comment_kept"}


async def _put(
    door: str,
    make: Callable[[random.Random], Any],
    check: Callable[[httpx.Response], None],
    tmp_path: Path,
) -> None:
    chance = random.Random(f"{SEED} {door}")
    llm = ScriptedModel(script=["Yes, you can join ", "at any time."], loaded=True)
    index = MemoryIndex(FAQ)
    statuses: dict[int, int] = {}
    store = SqliteFeedback(tmp_path / "feedback" / "feedback.sqlite3")
    settings = Settings(keep_questions=1)
    async with calling(app_of(assistant_of(index, llm), index, llm, settings, store=store)) as client:
        for number in range(REQUESTS):
            method, path = "POST", "/v1/chat/completions" if door == "/v1" else door
            if chance.random() < 0.1:
                method = chance.choice(("GET", "GET", "PUT", "DELETE"))
                path = chance.choice(_V1_PATHS) if door == "/v1" else door
            headers = {"Content-Type": chance.choice(("application/json",) * 15 + ("text/plain",))}
            if door == "/mcp":
                headers["Accept"] = "application/json, text/event-stream"
                if chance.random() < 0.7:
                    headers["MCP-Protocol-Version"] = chance.choice(_MCP_VERSIONS)
            content = _bytes(chance, _or_odd(chance, make(chance)))
            response = await client.request(
                method, path, content=content, headers=headers, timeout=_MOST_SECONDS
            )
            told = f"{number}: {method} {path} {content[:2_000]!r} -> {response.status_code} "
            told += response.text[:500]
            assert response.status_code < 500, told
            try:
                check(response)
            except (AssertionError, KeyError, ValueError) as error:
                raise AssertionError(told) from error
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
    await store.close()
    print(f"{door}: {dict(sorted(statuses.items()))}")
    assert statuses.get(200, 0) > REQUESTS / 10  # or the fuzz would test no more than what refuses it


async def test_fuzzed_requests_of_the_openai_api_never_fail_in_askd(tmp_path: Path) -> None:
    await _put("/v1", _chat, _check_v1, tmp_path)


async def test_fuzzed_messages_of_the_model_context_protocol_never_fail_in_askd(
    tmp_path: Path,
) -> None:
    await _put("/mcp", _rpc, _check_mcp, tmp_path)


async def test_fuzzed_feedback_never_fails_in_askd(tmp_path: Path) -> None:
    await _put("/feedback", _feedback, _check_feedback, tmp_path)
