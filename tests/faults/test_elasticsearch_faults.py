"""A real Elasticsearch behind a proxy that fails in its place."""

import json

import pytest

from tests.faults.calls import WELL, Seen, everywhere
from tests.faults.faults import AnyFault, Down, answers, html, seen_by_all
from tests.faults.page import Page
from tests.live.problems import SECRET
from tests.live.serving import Chosen, settings_of
from tests.live.tcp_proxy import Break, Crumble, Instead, Late, Once, Stall, TcpProxy

pytestmark = [pytest.mark.anyio, pytest.mark.live]

_ALL, _SEARCH = "", "/_msearch"  # ends of paths
_HEADERS = ("content-type: application/json", "x-elastic-product: Elasticsearch")
_UNAVAILABLE = everywhere("503 search-unavailable")
_LIMIT = 2  # seconds a search may take, where that has to pass


def _says(status: str, body: object = None) -> tuple[bytes]:
    return answers(status, json.dumps(body or {"error": SECRET}), *_HEADERS)


def _part_failed(status: int) -> dict[str, object]:
    return {"took": 1, "responses": [{"status": status, "error": {"type": SECRET, "reason": SECRET}}]}


FAULTS: dict[str, tuple[AnyFault, Seen]] = {
    "it goes down: connections are refused": (Down(), _UNAVAILABLE),
    "it resets every connection": (Break(_ALL), _UNAVAILABLE),
    "it resets the connection of a search, once": (Once(Break(_SEARCH)), WELL),
    "it resets the connection in the middle of its answer": (Break(_SEARCH, after=500), _UNAVAILABLE),
    "the same, once": (Once(Break(_SEARCH, after=500)), WELL),
    "it takes the search and never answers (half-open)": (Stall(_SEARCH), _UNAVAILABLE),
    "it takes every request and never answers": (Stall(_ALL), _UNAVAILABLE),
    "it is slow, within the limit of a search": (Late(_SEARCH, 0.3), WELL),
    "it is slower than a search may take": (Late(_SEARCH, 3.0), _UNAVAILABLE),
    "its answers arrive in tiny pieces": (Crumble(_ALL), WELL),
    "it answers bytes that are not HTTP": (Instead(_ALL, (b"\x00\x01" + SECRET.encode(),)), _UNAVAILABLE),
    "another server answers in its place": (Instead(_ALL, html()), _UNAVAILABLE),
    "it redirects (302)": (
        Instead(_ALL, answers("302 Found", "", "location: http://127.0.0.1:9/")),
        _UNAVAILABLE,
    ),
    "its JSON is cut short": (
        Instead(_SEARCH, answers("200 OK", '{"took": 1, "responses": [{"hi', *_HEADERS)),
        _UNAVAILABLE,
    ),
    "its answer is shorter than it says": (
        Instead(_SEARCH, (b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{",)),
        _UNAVAILABLE,
    ),
    "its JSON is of another shape": (Instead(_SEARCH, _says("200 OK", {"hits": []})), _UNAVAILABLE),
    "the search fails within an answer of status 200": (
        Instead(_SEARCH, _says("200 OK", _part_failed(500))),
        _UNAVAILABLE,
    ),
    "its answer never ends": (
        Instead(_SEARCH, (b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n{",), hangs=True),
        _UNAVAILABLE,
    ),
    "it requires another key (401)": (Instead(_ALL, _says("401 Unauthorized")), _UNAVAILABLE),
    "it forbids the search (403)": (Instead(_ALL, _says("403 Forbidden")), _UNAVAILABLE),
    "it is overloaded (429)": (Instead(_SEARCH, _says("429 Too Many Requests")), _UNAVAILABLE),
    "it fails (500)": (Instead(_ALL, _says("500 Internal Server Error")), _UNAVAILABLE),
    "it is not available (503)": (Instead(_ALL, _says("503 Service Unavailable")), _UNAVAILABLE),
    "it is not available (503), once": (Once(Instead(_SEARCH, _says("503 Service Unavailable"))), WELL),
    "it is an older one (400, another media type)": (
        Instead(_ALL, _says("400 Bad Request", {"error": {"type": "media_type_header_exception"}})),
        _UNAVAILABLE,
    ),
}


def _outlasts_a_search(fault: AnyFault) -> bool:
    match fault:
        case Stall() | Instead(hangs=True):
            return True
        case Late(seconds=seconds):
            return seconds > _LIMIT
    return False


@pytest.mark.parametrize("what", FAULTS)
async def test_while_elasticsearch_fails(
    what: str, elasticsearch_index: Chosen, ollama_model: Chosen, elasticsearch_proxy: TcpProxy, page: Page
) -> None:
    fault, expected = FAULTS[what]
    proxied: Chosen = {"elasticsearch_url": elasticsearch_proxy.url}
    if _outlasts_a_search(fault):
        proxied["search_timeout"] = _LIMIT
    settings = settings_of(elasticsearch_index, ollama_model, proxied)
    seen = await seen_by_all(settings, elasticsearch_proxy, fault)
    page.note("Elasticsearch", what, seen)
    assert seen == expected
