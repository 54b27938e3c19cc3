"""What callers see of a fault, in a few words: the same for the tests and for the page they write."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from tests.live.problems import check_no_leak, check_problem
from tests.live.serving import Event, events, text_of
from tests.support.lag import watched_lag

PATIENCE = 30.0  # seconds, the deadline of each call: enough for a model on a busy machine
_LATE = 0.25  # by so much at most is it missed

# A typo away from an entry: sure enough for that entry to stand in for the model.
# Of an entry of more than two sentences, so that a model which quotes is asked how many of them answer.
SURE = "How do I shut down the askd servre?"
UNSURE = "How can I shut the service down cleanly?"


class Call(NamedTuple):
    path: str
    body: Mapping[str, str]


CALLS: Mapping[str, Call] = {
    "search": Call("/search", {"question": SURE}),
    "auto, sure of the entry": Call("/ask", {"question": SURE}),
    "auto, not sure": Call("/ask", {"question": UNSURE}),
    "generate": Call("/ask", {"question": SURE, "mode": "generate"}),
    "generate, as a stream": Call("/ask/stream", {"question": SURE, "mode": "generate"}),
}
WELL = {name: "200 found" if name == "search" else "200 quoted" for name in CALLS}
WRITTEN = {name: "200 found" if name == "search" else "200 generated" for name in CALLS}  # by another model

Seen = Mapping[str, str]  # name of the call -> what was seen


def everywhere(seen: str) -> Seen:
    return dict.fromkeys(CALLS, seen)


def model_fails(status: int, problem: str, *, streamed: str | None = None) -> Seen:
    """The search works; a sure question gets its entry. `streamed`: where the stream had begun by then."""
    failed = f"{status} {problem}"
    return WELL | {
        "auto, sure of the entry": f"200 extracted, {problem.replace('-', '_')}",
        "auto, not sure": failed,
        "generate": failed,
        "generate, as a stream": streamed or failed,
    }


async def made(call: Call, client: httpx.AsyncClient, patience: float = PATIENCE) -> str:
    """What it gets, checked to be whole, in time and without a leak."""
    headers = {"X-Request-Timeout": f"{patience:g}"}
    async with watched_lag() as lag:
        began = time.monotonic()
        response = await client.post(call.path, json=dict(call.body), headers=headers)
        assert time.monotonic() - began <= patience + _LATE + lag.since(began)
    return told(response)


async def seen_by(client: httpx.AsyncClient, patience: float = PATIENCE) -> Seen:
    """What each call gets, one after the other, from one service."""
    return {name: await made(call, client, patience) for name, call in CALLS.items()}


def told(response: httpx.Response) -> str:
    if response.status_code != 200:
        return _problem(response)
    if response.headers["content-type"].startswith("text/event-stream"):
        return _stream(events(response.text))
    return f"200 {_body(response.json())}"


def _problem(response: httpx.Response) -> str:
    problem = response.json()
    name = problem["type"].removeprefix("/problems/")
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert (response.status_code in (429, 503)) == ("retry-after" in response.headers)
    check_problem(problem, response.status_code, name)
    return f"{response.status_code} {name}"


def _stream(stream: list[Event]) -> str:
    names = [name for name, _ in stream]
    assert names[0] == "sources"
    assert set(names[1:-1]) <= {"token", "replace"}
    last, data = stream[-1]
    if last == "error":
        check_problem(data, data["status"], data["type"].removeprefix("/problems/"))
        words = ", some words" if "token" in names else ""
        return f"200{words}, then `error` {data['type'].removeprefix('/problems/')}"
    assert last == "done"
    assert text_of(stream) == data["answer"]
    return f"200 {_body(data)}" + (", words taken back" if "replace" in names else "")


def _body(body: Mapping[str, Any]) -> str:
    check_no_leak(body["notices"])
    codes = [notice["code"] for notice in body["notices"]]
    if "hits" in body:
        assert body["hits"]
        what = "found"
    else:
        what = body["origin"] or body["status"]
        if what == "extracted":
            assert body["answer"] == body["sources"][0]["answer"]
        assert (body["usage"] is None) == (what not in ("quoted", "generated"))
    return ", ".join([what, *codes])
