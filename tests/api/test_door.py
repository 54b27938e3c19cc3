"""One way in: routing, dependencies and errors are FastAPI's, whatever the request."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from app.api.routes import ask
from app.api.routing import MAX_BODY, ApiRoute
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from tests.api.test_ask import events
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}
JSON = {"Content-Type": "application/json"}


async def forbid() -> None:
    raise HTTPException(403, "not on Sundays")


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_routers_dependency_has_the_last_word(llm: ScriptedModel, path: str) -> None:
    index = MemoryIndex(FAQ)
    assistant = assistant_of(index, llm, cache_entries=100)
    app = app_of(assistant, index, llm)
    async with calling(app) as client:
        assert (await client.post(path, json=LATE)).status_code == 200
        guarded = FastAPI()
        guarded.state = app.state
        for router in (ask.router, ask.stream_router):
            guarded.include_router(router, dependencies=[Depends(forbid)])
        app.mount("/guarded", guarded)
        response = await client.post(f"/guarded{path}", json=LATE)
    assert (response.status_code, response.json()["detail"]) == (403, "not on Sundays")


@pytest.fixture
async def cached(index: MemoryIndex, llm: ScriptedModel) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that has cached the answer to the question."""
    assistant = assistant_of(index, llm, cache_entries=100)
    async with calling(app_of(assistant, index, llm)) as client:
        await assistant.watch.look()
        assert not (await client.post("/ask", json=LATE)).json()["cached"]
        yield client


async def test_a_cached_answer_is_the_same_but_for_what_is_the_requests_own(
    cached: httpx.AsyncClient, llm: ScriptedModel
) -> None:
    first, second = [(await cached.post("/ask", json=LATE)) for _ in range(2)]
    own = {name: second.json()[name] for name in ("timings_ms", "request_id", "feedback_token")}
    assert second.json() == first.json() | own
    assert second.json()["cached"]
    assert second.json()["request_id"] == second.headers["x-request-id"]
    assert len(llm.prompts) == 1


async def test_a_stream_gets_a_cached_answer_in_one_piece(cached: httpx.AsyncClient) -> None:
    told = events((await cached.post("/ask/stream", json=LATE)).text)
    assert [name for name, _ in told] == ["sources", "token", "done"]
    assert told[-1][1]["cached"]


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_no_cache_asks_for_a_new_answer(
    cached: httpx.AsyncClient, llm: ScriptedModel, path: str
) -> None:
    again = await cached.post(path, json=LATE, headers={"Cache-Control": "max-age=0, No-Cache"})
    assert '"cached":false' in again.text
    assert len(llm.prompts) == 2


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"X-Request-Timeout": "soon"}, 422),
        ("POST", {"Content-Type": "text/plain"}, 415),
        ("PUT", {}, 405),
        ("GET", {}, 405),
    ],
)
async def test_an_invalid_request_is_no_less_invalid_when_its_answer_is_cached(
    cached: httpx.AsyncClient, method: str, headers: dict[str, str], status: int
) -> None:
    response = await cached.request(method, "/ask", json=LATE, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


# --- errors, by router ---------------------------------------------------------------------------


class OtherRoute(ApiRoute):
    def error_response(self, error: Exception, request: Request) -> Response:
        return JSONResponse({"error": {"message": str(error)}}, 418)


@pytest.fixture
async def two_routers(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    for path, kind in (("/other", OtherRoute), ("/own", ApiRoute)):
        router = APIRouter(route_class=kind)

        @router.get(path)
        async def fail() -> None:
            raise HTTPException(400, "the moon is full")

        app.include_router(router)
    async with calling(app) as client:
        yield client


async def test_a_router_may_answer_errors_in_a_form_of_its_own(two_routers: httpx.AsyncClient) -> None:
    response = await two_routers.get("/other")
    assert (response.status_code, response.json().keys()) == (418, {"error"})


async def test_a_bad_request_is_told_in_its_own_words(two_routers: httpx.AsyncClient) -> None:
    problem = (await two_routers.get("/own")).json()
    assert (problem["type"], problem["status"]) == ("/problems/malformed-request", 400)
    assert problem["detail"] == "the moon is full"


async def test_a_bug_in_the_middle_of_a_stream_is_its_last_event(
    client: httpx.AsyncClient, llm: ScriptedModel
) -> None:
    llm.script = ["Yes, ", RuntimeError("secret")]
    response = await client.post("/ask/stream", json=LATE | {"mode": "generate"})
    *_, (name, problem) = events(response.text)
    assert (name, problem["type"]) == ("error", "/problems/internal-error")
    assert "secret" not in response.text


# --- what clients write in several ways ----------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/metrics", "/collections", "/docs", "/openapi.json", "/livez/"]
)
async def test_head_is_answered_as_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert "content-length" in head.headers


async def test_a_method_that_is_not_taken_is_told_with_those_that_are(client: httpx.AsyncClient) -> None:
    assert (await client.post("/livez")).headers["allow"] == "GET, HEAD"
    given = {"X-Request-ID": "same"}
    head, get = await client.head("/ask", headers=given), await client.get("/ask", headers=given)
    assert (head.status_code, get.status_code) == (405, 405)
    # Its body, which nobody gets, would name HEAD.
    assert int(head.headers["content-length"]) == int(get.headers["content-length"]) + 1


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
async def test_a_trailing_slash_changes_nothing(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(f"{path}/", json=LATE, headers={"X-Forwarded-Proto": "https"})
    assert (response.status_code, response.history) == (200, [])
    assert (await client.post("/nothing/", json=LATE)).json()["type"] == "/problems/not-found"
    assert (await client.get("http://askd//")).status_code == 404


@pytest.mark.parametrize("path", ["/ask", "/search"])
async def test_null_means_the_same_as_no_value(client: httpx.AsyncClient, path: str) -> None:
    fields = ["collection", "limit"] + (["mode"] if path == "/ask" else [])
    nulls = dict.fromkeys(fields)
    given, left_out = [(await client.post(path, json=body)).json() for body in (LATE | nulls, LATE)]
    found = "sources" if path == "/ask" else "hits"
    assert given[found] == left_out[found]
    assert given[found]


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("identity", bytes), ("", bytes)],
)
async def test_a_compressed_body_is_decompressed(
    client: httpx.AsyncClient, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    headers = JSON | {"Content-Encoding": encoding}
    response = await client.post("/search", content=compress(json.dumps(LATE).encode()), headers=headers)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (gzip.compress(b'{"question": "' + b"x" * 10 * MAX_BODY + b'"}', mtime=0), 413, f"{MAX_BODY} bytes"),
        (b"no gzip", 422, "gzip"),
        (gzip.compress(json.dumps(LATE).encode(), mtime=0)[:-9], 422, "gzip"),
        (gzip.compress(b"{bad", mtime=0), 422, "not valid JSON"),
    ],
)
async def test_a_compressed_body_is_bounded_and_checked(
    client: httpx.AsyncClient, content: bytes, status: int, says: str
) -> None:
    response = await client.post("/ask", content=content, headers=JSON | {"Content-Encoding": "gzip"})
    assert response.status_code == status
    assert says in response.json()["detail"]


async def test_another_encoding_is_refused_by_its_name(client: httpx.AsyncClient) -> None:
    body = zlib.compress(json.dumps(LATE).encode())
    response = await client.post("/ask", content=body, headers=JSON | {"Content-Encoding": "deflate"})
    assert (response.status_code, response.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert "Content-Encoding" in response.json()["detail"]
    assert response.headers["accept-encoding"] == "gzip, identity"


# --- browsers ------------------------------------------------------------------------------------


async def test_a_page_may_load_its_scripts_and_one_with_a_policy_keeps_it(app: FastAPI) -> None:
    @app.get("/page")
    async def page(own: bool) -> HTMLResponse:
        headers = {"Content-Security-Policy": "default-src 'self'"} if own else {}
        return HTMLResponse("<p>Hello", headers=headers)

    async with calling(app) as client:
        policies = [
            (await client.get(path)).headers.get_list("content-security-policy")
            for path in ("/page?own=true", "/page?own=false", "/docs", "/livez")
        ]
    assert policies[0] == ["default-src 'self'"]
    assert policies[1] == policies[2]
    assert "script-src 'self'" in policies[1][0]
    assert policies[3] == ["default-src 'none'; frame-ancestors 'none'"]


async def test_a_head_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json=LATE, headers={"X-Cookie": "x" * 70_000})
    assert (response.status_code, response.json()["type"]) == (431, "/problems/head-too-large")
