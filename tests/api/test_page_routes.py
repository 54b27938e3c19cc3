"""`/` and its files, as HTTP; tests/browser/ has what they do."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest

from app.answering.service import Assistant
from app.api.page.document import STATIC
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of, calling

pytestmark = pytest.mark.anyio
Calling = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def with_settings(assistant: Assistant, index: MemoryIndex, llm: ScriptedModel) -> Calling:
    def call(**values: object) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        settings = Settings(_env_file=None, **values)  # type: ignore[arg-type]
        return calling(app_of(assistant, index, llm, settings))

    return call


async def test_the_page_has_a_policy_of_its_own(client: httpx.AsyncClient) -> None:
    response = await client.get("/", headers={"Accept-Language": "de"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-language"] == "de"
    assert response.headers["vary"] == "Accept-Language"
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "Was möchten Sie wissen?" in response.text
    assert "<script>" not in response.text
    head = await client.head("/")
    assert (head.status_code, head.content) == (200, b"")


async def test_its_files_can_be_cached_for_ever(client: httpx.AsyncClient) -> None:
    html = (await client.get("/")).text + (await client.get("/admin", headers={"Host": "localhost"})).text
    files = set(re.findall(r'"(page/[^"]+)"', html))
    of_the_widget = {"panel.js", "widget.css"}
    assert {Path(file).name for file in files} == {path.name for path in STATIC.iterdir()} - of_the_widget
    for file in files:
        response = await client.get(f"/{file}")
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        if file.endswith(".js"):
            assert response.headers["content-type"].startswith("text/javascript")
    version = files.pop().split("/")[1]
    for other in (
        f"/page/{version}/missing.js",
        f"/page/{version}/../page.html",
        "/page/0/page.js",
        "/page/logo",
    ):
        response = await client.get(other)
        assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")


async def test_it_can_be_switched_off(with_settings: Calling) -> None:
    async with with_settings(page=False) as client:
        assert (await client.get("/")).status_code == 404


async def test_it_answers_to_known_host_names_only(with_settings: Calling) -> None:
    async with with_settings(allowed_hosts="faq.example") as client:
        assert (await client.get("/")).status_code == 421
        assert (await client.get("/", headers={"Host": "faq.example"})).status_code == 200


async def test_it_is_shown_without_a_key_and_asks_for_one(with_settings: Calling, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("")
    async with with_settings(api_keys_file=file) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/collections")).status_code == 401


async def test_a_logo_may_hold_scripts_but_none_runs(with_settings: Calling, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    async with with_settings(page_logo=logo) as client:
        response = await client.get("/page/logo")
        assert response.headers["content-type"] == "image/svg+xml"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert 'href="page/logo"' in (await client.get("/")).text


async def test_the_widget_may_be_loaded_from_anywhere_and_tells_who_may_ask(with_settings: Calling) -> None:
    async with with_settings(
        cors_origins="https://shop.example, https://other.example", page=False
    ) as client:
        script = await client.get("/widget.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert len(script.content) <= 20_000
        for origin, allowed in {
            "https://shop.example": True,
            "https://evil.example": False,
            "null": False,
            None: True,  # a page of the service's own origin
        }.items():
            headers = {"Origin": origin} if origin else {}
            opening = await client.get("/widget.json?lang=ar", headers=headers)
            told = opening.json()
            assert (told["allowed"], told["language"], told["dir"]) == (allowed, "ar", "rtl")
            files = [opening, script, await client.get(f"/{told['static']}panel.js", headers=headers)]
            for response in files:
                assert response.status_code == 200
                assert response.headers["cross-origin-resource-policy"] == "cross-origin"
                assert response.headers["access-control-allow-origin"] in ("*", origin)
                assert response.headers["x-content-type-options"] == "nosniff"
        preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        refused = await client.options("/ask/stream", headers=preflight)
        assert "access-control-allow-origin" not in refused.headers


async def test_a_star_lets_the_widget_into_any_page(with_settings: Calling) -> None:
    async with with_settings(cors_origins="*") as client:
        response = await client.get("/widget.json", headers={"Origin": "https://shop.example"})
        assert response.json()["allowed"] is True
        assert response.headers["access-control-allow-origin"] == "*"


async def test_the_widget_answers_to_known_host_names_only(with_settings: Calling) -> None:
    async with with_settings(allowed_hosts="faq.example") as client:
        for path in ("/widget.js", "/widget.json"):
            assert (await client.get(path)).status_code == 421
            assert (await client.get(path, headers={"Host": "faq.example"})).status_code == 200
