"""A real Ollama behind a proxy that fails in its place, and one made up that fails within a line."""

import json

import pytest

from tests.faults.calls import CALLS, SURE, WELL, WRITTEN, Call, Seen, made, model_fails
from tests.faults.faults import AnyFault, Down, answers, check_recovered, html, seen_by_all
from tests.faults.models import DONE, SAID, TEXT, made_up, reply, says
from tests.faults.models import WELL as WELL_AGAIN
from tests.faults.page import Page
from tests.live.problems import SECRET
from tests.live.serving import Chosen, serving, settings_of
from tests.live.tcp_proxy import Break, Crumble, Instead, Late, Once, Stall, TcpProxy
from tests.support.ollama_server import Reply, Then, lines

pytestmark = pytest.mark.anyio

GROUP = "Ollama"
_ALL, _GENERATION = "", "/api/chat"  # ends of paths
_JSON = "content-type: application/json"
_UNAVAILABLE = model_fails(503, "model-unavailable")
_BROKEN_OFF = model_fails(
    503, "model-unavailable", streamed="200, some words, then `error` model-unavailable"
)
_TIMEOUT = model_fails(504, "model-timeout", streamed="200, then `error` model-timeout")
_TIMEOUT_MIDWAY = model_fails(504, "model-timeout", streamed="200, some words, then `error` model-timeout")


def _says(status: str, body: object = None) -> tuple[bytes]:
    return answers(status, json.dumps(body or {"error": SECRET}), _JSON)


FAULTS: dict[str, tuple[AnyFault, Seen]] = {
    "it goes down: connections are refused": (Down(), _UNAVAILABLE),
    "it resets every connection": (Break(_ALL), _UNAVAILABLE),
    "it resets the connection of a generation, once": (Once(Break(_GENERATION)), _UNAVAILABLE),
    "it resets the connection while it writes": (Break(_GENERATION, after=200), _UNAVAILABLE),
    "the first token never comes": (Stall(_GENERATION), _TIMEOUT),
    "it is slow, within the limit for the first token": (Late(_GENERATION, 0.1), WELL),
    "its answers arrive in tiny pieces": (Crumble(_ALL), WELL),
    "it answers bytes that are not HTTP": (Instead(_ALL, (b"\x00\x01" + SECRET.encode(),)), _UNAVAILABLE),
    "another server answers in its place": (Instead(_ALL, html()), _UNAVAILABLE),
    "it redirects (302)": (
        Instead(_ALL, answers("302 Found", "", "location: http://127.0.0.1:9/")),
        _UNAVAILABLE,
    ),
    "its answer is empty": (Instead(_GENERATION, answers("200 OK", "", _JSON)), _UNAVAILABLE),
    "its JSON is of another shape": (Instead(_GENERATION, _says("200 OK", [{"text": 1}])), _UNAVAILABLE),
    "it requires a key (401)": (Instead(_GENERATION, _says("401 Unauthorized")), _UNAVAILABLE),
    "the model is gone (404)": (
        Instead(_GENERATION, _says("404 Not Found", {"error": f"model '{SECRET}' not found"})),
        model_fails(503, "model-missing"),
    ),
    "it is overloaded (429)": (Instead(_GENERATION, _says("429 Too Many Requests")), _UNAVAILABLE),
    "it fails (500)": (Instead(_GENERATION, _says("500 Internal Server Error")), _UNAVAILABLE),
    "it is not available (503)": (Instead(_GENERATION, _says("503 Service Unavailable")), _UNAVAILABLE),
    "it is not available (503), once": (
        Once(Instead(_GENERATION, _says("503 Service Unavailable"))),
        _UNAVAILABLE,
    ),
}


@pytest.mark.live
@pytest.mark.parametrize("what", FAULTS)
async def test_while_ollama_fails(
    what: str, embedded_index: Chosen, ollama_model: Chosen, ollama_proxy: TcpProxy, page: Page
) -> None:
    fault, expected = FAULTS[what]
    proxied: Chosen = {"ollama_url": ollama_proxy.url}
    if expected is _TIMEOUT:
        proxied["first_token_timeout"] = 4  # beyond the time in which a failure is a status
    settings = settings_of(embedded_index, ollama_model, proxied)
    seen = await seen_by_all(settings, ollama_proxy, fault)
    page.note(GROUP, what, seen)
    assert seen == expected


async def test_what_a_dying_model_said_is_taken_back_where_the_entry_is_sure(embedded_index: Chosen) -> None:
    async with made_up() as (ollama, model), serving(settings_of(embedded_index, model)) as service:
        await service.ready()
        says(ollama, reply(SAID, then=Then.TEAR))
        seen = await made(Call("/ask/stream", {"question": SURE}), service.client)
    assert seen == "200 extracted, model_unavailable, words taken back"


# --- byte by byte --------------------------------------------------------------------------------

_TORN = SAID.index("“".encode()) + 1


TORN: dict[str, tuple[Reply, Seen]] = {
    "a line arrives in two packets, split inside a UTF-8 character": (
        reply(SAID[:_TORN], SAID[_TORN:], DONE),
        WRITTEN,
    ),
    "it ends inside a UTF-8 character": (reply(SAID, SAID[:_TORN]), _BROKEN_OFF),
    "it is cut off inside a UTF-8 character": (reply(SAID, SAID[:_TORN], then=Then.TEAR), _BROKEN_OFF),
    "a line is not UTF-8": (reply(SAID, b'{"message": {"content": "\xff"}}\n'), _BROKEN_OFF),
    "a line is not JSON": (reply(SAID, b"{nonsense}\n", DONE), _BROKEN_OFF),
    "a line reports an error": (reply(SAID, lines({"error": SECRET})), _BROKEN_OFF),
    "the first line reports an error": (reply(lines({"error": SECRET})), _UNAVAILABLE),
    "it ends without its last line": (reply(SAID), _BROKEN_OFF),
    "it closes the connection without an answer": (reply(DONE), _UNAVAILABLE),
    "a line has no end": (reply(SAID, b"x" * 3_000_000, then=Then.HANG), _BROKEN_OFF),
    "it stops in the middle of its answer, the connection open": (
        reply(SAID, then=Then.HANG),
        _TIMEOUT_MIDWAY,
    ),
    "it counts more tokens than its window holds": (
        reply(lines({"error": "the prompt exceeds the available context size (9999 tokens)"}), status=400),
        WRITTEN
        | {
            "auto, sure of the entry": "200 extracted, entry_too_long",
            "auto, not sure": "200 extracted, entry_too_long",
            "generate": "422 nothing-fits",
            "generate, as a stream": "422 nothing-fits",
        },
    ),
}


@pytest.mark.parametrize("what", TORN)
async def test_while_a_line_of_ollama_is_wrong(what: str, embedded_index: Chosen, page: Page) -> None:
    answer, expected = TORN[what]
    limited: Chosen = {"generate_timeout": 2} if expected is _TIMEOUT_MIDWAY else {}
    seen: dict[str, str] = {}
    for name, call in CALLS.items():
        async with made_up() as (ollama, model):
            settings = settings_of(embedded_index, model, limited)
            async with serving(settings) as service:
                await service.ready()
                says(ollama, answer)
                seen[name] = await made(call, service.client)
                says(ollama, WELL_AGAIN)
                await check_recovered(service)
                assert (await service.ask(**CALLS["generate"].body))["answer"] == TEXT
    page.note(GROUP, what, seen)
    assert seen == expected
