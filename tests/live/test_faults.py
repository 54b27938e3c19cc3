"""Requests without sense and search engines that fail, on a real socket: a status, a problem, and no leak."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.problems import SECRET, check_response
from tests.live.serving import Chosen, Service, serving, settings_of
from tests.live.tcp_proxy import Stall, TcpProxy, answering, http_answer, nobodys_url

pytestmark = [pytest.mark.anyio, pytest.mark.live]

QUESTION = {"question": "Which keys does a record in a JSON file need for the ingset?"}
PATHS = ["/ask", "/ask/stream", "/search"]


# --- the caller's mistakes ---------------------------------------------------------------------


@pytest.fixture(scope="module")
async def service(elasticsearch_index: Chosen, ollama_model: Chosen) -> AsyncIterator[Service]:
    async with serving(settings_of(elasticsearch_index, ollama_model)) as service:
        yield service


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("content", "status", "name"),
    [
        (b'{"question": "%s"}' % (b"x" * 100_000), 413, "request-too-large"),
        (b'{"question": ""}', 422, "invalid-request"),
        (b'{"question": "  \\n "}', 422, "invalid-request"),
        (b'{"question": "Docker?", "colection": "askd"}', 422, "invalid-request"),
        (b'{"question": "Docker?"', 422, "invalid-request"),
        (b'{"question": "Docker?", "collection": "nope"}', 404, "unknown-collection"),
    ],
    ids=["100 kB", "empty", "blank", "unknown field", "malformed", "unknown collection"],
)
async def test_a_request_without_sense_is_refused(
    service: Service, path: str, content: bytes, status: int, name: str
) -> None:
    response = await service.client.post(path, content=content, headers={"content-type": "application/json"})
    check_response(response, status, name)


@pytest.mark.parametrize("path", PATHS)
async def test_another_content_type_is_refused(service: Service, path: str) -> None:
    check_response(await service.client.post(path, data=QUESTION), 415, "unsupported-media-type")


# --- the search engine's failures --------------------------------------------------------------

BROKEN_ELASTICSEARCHES = {
    "garbage": b"\x00\x01 no HTTP at all: " + SECRET.encode(),
    "another server": http_answer("200 OK", f"<html>{SECRET}</html>", "content-type: text/html"),
    **{
        status: http_answer(
            status,
            f'{{"error": "{SECRET}"}}',
            "content-type: application/json",
            "x-elastic-product: Elasticsearch",
        )
        for status in ("401 Unauthorized", "429 Too Many Requests", "500 Internal Server Error")
    },
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("answer", BROKEN_ELASTICSEARCHES.values(), ids=BROKEN_ELASTICSEARCHES)
async def test_an_elasticsearch_that_fails_is_unavailable(
    ollama_model: Chosen, path: str, answer: bytes
) -> None:
    async with (
        answering(answer) as url,
        serving(settings_of({"elasticsearch_url": url}, ollama_model)) as service,
    ):
        check_response(await service.client.post(path, json=QUESTION), 503, "search-unavailable")


@pytest.mark.parametrize("path", PATHS)
async def test_an_elasticsearch_that_is_down_is_unavailable(ollama_model: Chosen, path: str) -> None:
    async with serving(settings_of({"elasticsearch_url": nobodys_url()}, ollama_model)) as service:
        check_response(await service.client.post(path, json=QUESTION), 503, "search-unavailable")


@pytest.mark.parametrize("path", PATHS)
async def test_an_elasticsearch_that_stalls_is_unavailable(
    elasticsearch_index: Chosen, elasticsearch_proxy: TcpProxy, ollama_model: Chosen, path: str
) -> None:
    elasticsearch_proxy.fault = Stall("/_msearch")
    impatient = {"elasticsearch_url": elasticsearch_proxy.url, "search_timeout": 1}
    async with serving(settings_of(elasticsearch_index, impatient, ollama_model)) as service:
        check_response(await service.client.post(path, json=QUESTION), 503, "search-unavailable")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("engine", ["elasticsearch", "embedded"])
async def test_without_an_index_nothing_is_searched(
    elasticsearch_url: str, index_prefix: str, ollama_model: Chosen, tmp_path: Path, path: str, engine: str
) -> None:
    empty: Chosen = {"data_dir": tmp_path}
    if engine == "elasticsearch":
        empty = {"elasticsearch_url": elasticsearch_url, "index": f"{index_prefix}-none"}
    async with serving(settings_of(empty, ollama_model)) as service:
        check_response(await service.client.post(path, json=QUESTION), 503, "index-missing")
        check_response(await service.client.get("/collections"), 503, "index-missing")
