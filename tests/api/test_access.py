"""Host names, API keys, rate limits and security headers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from limits import parse

from app.api import routing
from app.api.context import Caller
from app.api.keys import add_key, digest
from app.api.routing import ApiRoute
from app.errors import BadSettings
from app.indexes.memory import MemoryIndex
from app.main import create_app
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of
from tests.support.app import calling as calling_app
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}
PROTECTED = [
    ("POST", "/mcp"),
    ("POST", "/ask"),
    ("POST", "/ask/stream"),
    ("POST", "/search"),
    ("POST", "/feedback"),
    ("GET", "/collections"),
    ("GET", "/admin/report"),
    ("DELETE", "/admin/answers/x"),
]
PROTECTED += [("GET", "/metrics"), ("POST", "/ask/")]
OPEN = ["/livez", "/docs", "/openapi.json"]


@asynccontextmanager
async def calling(**chosen: object) -> AsyncIterator[httpx.AsyncClient]:
    index, llm = MemoryIndex(FAQ), ScriptedModel(script=["Yes."], loaded=True)
    settings = Settings(**chosen)  # type: ignore[arg-type]
    async with calling_app(app_of(assistant_of(index, llm), index, llm, settings)) as caller:
        yield caller


# --- keys ----------------------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer askd_wrong"}, {"Authorization": "Basic x"}]
)
async def test_a_call_without_a_valid_key_is_told_how_to_send_one(
    keys: Path, method: str, path: str, headers: dict[str, str]
) -> None:
    add_key(keys, "web")
    async with calling(api_keys_file=keys) as caller:
        response = await caller.request(method, path, headers=headers)
    assert (response.status_code, response.json()["type"]) == (401, "/problems/unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "X-API-Key" in response.json()["detail"]


async def test_a_key_opens_and_health_and_docs_need_none(keys: Path) -> None:
    key = add_key(keys, "web")
    async with calling(api_keys_file=keys) as caller:
        for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
            assert (await caller.post("/ask", json=LATE, headers=headers)).status_code == 200
        for path in OPEN:
            assert (await caller.get(path)).status_code == 200
        page = (await caller.get("/docs")).text
        assert (await caller.get(page.partition('<script src="')[2].partition('"')[0])).status_code == 200


def rewrite(file: Path, text: str) -> None:
    file.write_text(text)


async def test_a_key_that_is_added_or_taken_back_counts_at_once(keys: Path) -> None:
    first = add_key(keys, "web")
    async with calling(api_keys_file=keys) as caller:
        second = add_key(keys, "batch")
        assert (await caller.get("/collections", headers={"X-API-Key": second})).status_code == 200
        rewrite(keys, f"batch:{digest(second)}  # the only one\n\n")
        assert (await caller.get("/collections", headers={"X-API-Key": first})).status_code == 401
        rewrite(keys, "nonsense")
        assert (await caller.get("/collections", headers={"X-API-Key": second})).status_code == 200


@pytest.mark.parametrize("withdraw", [Path.unlink, lambda keys: keys.write_bytes(b"\xff\xfe")])
async def test_a_keys_file_that_is_gone_keeps_no_key_valid(
    keys: Path, withdraw: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    key = add_key(keys, "web")
    headers = {"X-API-Key": key}
    async with calling(api_keys_file=keys) as caller:
        assert (await caller.get("/collections", headers=headers)).status_code == 200
        withdraw(keys)
        assert (await caller.get("/collections", headers=headers)).status_code == 401
        assert "all API keys are refused" in caplog.messages
        rewrite(keys, f"web:{digest(key)}\n")
        assert (await caller.get("/collections", headers=headers)).status_code == 200


def test_the_file_holds_no_key_and_is_for_its_owner_only(keys: Path) -> None:
    key = add_key(keys, "web")
    assert key not in keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600
    keys.write_text(keys.read_text().rstrip())
    other = add_key(keys, "batch")
    assert keys.read_text().splitlines() == [f"web:{digest(key)}", f"batch:{digest(other)}"]


@pytest.mark.parametrize("text", ["web", "web:abc", "a b:" + "0" * 64, "web:" + "0" * 64 + "\nx"])
def test_a_malformed_line_is_named(keys: Path, text: str) -> None:
    keys.write_text(text)
    with pytest.raises(BadSettings, match=rf"keys, line {len(text.splitlines())}: must be NAME:SHA256"):
        create_app(Settings(api_keys_file=keys))


def test_a_missing_file_is_named(keys: Path) -> None:
    with pytest.raises(BadSettings, match="ASKD_API_KEYS_FILE"):
        create_app(Settings(api_keys_file=keys))


# --- limits --------------------------------------------------------------------------------------


async def test_a_caller_over_the_limit_gets_a_retry_after(keys: Path) -> None:
    web, batch = add_key(keys, "web"), add_key(keys, "batch")
    async with calling(api_keys_file=keys, rate_limit="2/hour") as caller:
        asked = [
            await caller.post(path, json=LATE, headers={"X-API-Key": web}) for path in ("/ask", "/search")
        ]
        assert [response.status_code for response in asked] == [200, 200]
        response = await caller.post("/ask/stream", json=LATE, headers={"X-API-Key": web})
        assert (response.status_code, response.json()["type"]) == (429, "/problems/too-many-requests")
        assert 3500 < int(response.headers["retry-after"]) <= 3600
        assert (await caller.post("/ask", json=LATE, headers={"X-API-Key": batch})).status_code == 200
        assert (await caller.get("/collections", headers={"X-API-Key": web})).status_code == 200


async def test_an_invalid_limit_is_refused_at_the_start() -> None:
    for limit in ("often", "10/second;1000/day", "0/minute"):
        with pytest.raises(BadSettings, match="ASKD_RATE_LIMIT"):
            create_app(Settings(rate_limit=limit))
    assert str(parse("60/minute")) == "60 per 1 minute"


def test_callers_are_identified_by_key_or_address_and_ipv6_by_network() -> None:
    assert Caller("web", "203.0.113.7").identity == "key web"
    assert Caller(None, "203.0.113.7").identity == "203.0.113.7"
    assert Caller(None, "::ffff:203.0.113.7").identity == "203.0.113.7"
    assert Caller(None, "2001:db8:1:2::7").identity == Caller(None, "2001:db8:1:2:ffff::1").identity
    assert Caller(None, "2001:db8:1:2::7").identity != Caller(None, "2001:db8:1:3::7").identity


async def test_only_a_trusted_proxy_says_who_called() -> None:
    forwarded = [{"X-Forwarded-For": f"198.51.100.66, 198.51.100.{number}"} for number in (1, 2)]
    for proxies, statuses in [("203.0.113.0/24", [200, 200, 429]), (None, [200, 429, 429])]:
        async with calling(rate_limit="1/hour", trusted_proxies=proxies) as caller:
            asked = [
                await caller.post("/ask", json=LATE, headers=each) for each in (*forwarded, forwarded[0])
            ]
        assert [response.status_code for response in asked] == statuses


# --- hosts and browsers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("askd.example.org", 200),
        ("ASKD.example.org:8000", 200),
        ("a.b.example.net", 200),
        ("[::1]:8000", 200),
        ("[2001:db8::1]", 200),
        ("example.net", 421),
        ("askd.example.org.evil", 421),
        ("", 421),
    ],
)
async def test_an_unknown_host_is_refused(host: str, status: int) -> None:
    async with calling(allowed_hosts="askd.example.org, *.example.net, [::1], 2001:db8::1") as caller:
        response = await caller.get("/collections", headers={"Host": host})
        probe = await caller.get("/livez", headers={"Host": host})
    assert response.status_code == status
    assert probe.status_code == 200  # is asked by address
    if status == 421:
        assert response.json()["type"] == "/problems/misdirected-request"


async def test_cross_origin_calls_are_allowed_only_by_a_setting(keys: Path) -> None:
    add_key(keys, "web")
    origin = {"Origin": "https://help.example.org"}
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    preflight["Access-Control-Request-Headers"] = "content-type,x-api-key"
    async with calling() as caller:
        assert (
            "access-control-allow-origin"
            not in (await caller.post("/ask", json=LATE, headers=origin)).headers
        )
    async with calling(cors_origins="https://help.example.org/", api_keys_file=keys) as caller:
        response = await caller.options("/ask", headers=preflight)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == origin["Origin"]
        refused = await caller.post("/ask", json=LATE, headers=origin)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
            401,
            origin["Origin"],
        )
        assert "Retry-After" in refused.headers["access-control-expose-headers"]
        stranger = await caller.options("/ask", headers={**preflight, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


async def test_a_body_that_does_not_arrive_is_a_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_BODY_SECONDS", 0.05)

    async def dripping() -> AsyncIterator[bytes]:
        yield b'{"question": '
        await asyncio.sleep(5)
        yield b'"late"}'

    async with calling() as caller:
        response = await caller.post("/ask", content=dripping(), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["type"]) == (408, "/problems/request-timeout")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/livez", "/ask", "/nothing"])
async def test_every_response_has_the_security_headers(path: str) -> None:
    async with calling() as caller:
        headers = (await caller.get(path)).headers
        docs = (await caller.get("/docs")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "script-src 'self'" in docs["content-security-policy"]


async def test_every_route_is_guarded_or_on_the_list_of_those_that_are_not(app: FastAPI) -> None:
    routes = {route.path: route.original_route for route in iter_route_contexts(app.routes)}
    unguarded = {
        path for path, route in routes.items() if not (isinstance(route, ApiRoute) and route.checked)
    }
    documentation = {"/docs", "/docs/oauth2-redirect", "/openapi.json", "/static-offline-docs"}
    # which asks for a key itself
    page = {path for path in routes if path and f"{path}/".startswith(("//", "/page/", "/widget."))}
    page |= {"/admin"}
    itself = {"/mcp"}  # is no route of FastAPI's, and asks for the key by itself: test_mcp.py
    assert unguarded == documentation | page | itself | {"/livez", "/readyz"}
    assert "/ask" in routes
