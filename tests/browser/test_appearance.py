"""The page for everybody: keyboard, screen reader, phone, dark, right-to-left, settings."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from app.main import create_app
from app.models.scripted import ScriptedModel
from tests.browser.visit import RETURNS, Visit, Visiting
from tests.live.serving import Chosen, settings_of
from tests.support.served import served

pytestmark = pytest.mark.anyio

INSTALL = "How do I install the scanner driver on Linux?"
PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
WAYS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {**PHONE, "locale": "de-AT"},  # with the longest words
    "right-to-left": {"locale": "ar"},
}


async def violations(visit: Visit) -> list[str]:
    """Of WCAG 2.2 AA and of good practice, as axe finds them."""
    results = await Axe().run(visit.page)
    found = results.response["violations"]
    return [f"{item['id']}: {node['html'][:200]}" for item in found for node in item["nodes"]]


@pytest.mark.parametrize("way", WAYS)
async def test_axe_finds_nothing_in_any_state(visiting: Visiting, llm: ScriptedModel, way: str) -> None:
    chosen: Chosen = {"page_examples": f"{INSTALL}; What does it cost?", "page_color": "#ffcc00"}
    async with visiting(chosen=chosen, **WAYS[way]) as visit:
        assert await violations(visit) == []
        turn = await visit.answered(RETURNS)
        await turn.locator(".mark").first.focus()
        await expect(turn.locator(".card")).to_be_visible()
        assert await violations(visit) == []
        await visit.answered(INSTALL)
        await visit.page.locator(".others > summary").last.click()
        await visit.answered("shipping price")
        await visit.answered("Who won the chess championship in 1972?")
        llm.pause.clear()
        await visit.ask(RETURNS)
        await visit.page.keyboard.press("Escape")
        await expect(visit.page.locator(".notice").last).to_be_visible()
        assert await violations(visit) == []


@pytest.mark.parametrize("way", ["light", "dark"])
async def test_axe_finds_nothing_in_failures_and_in_the_form_for_the_key(
    visiting: Visiting, tmp_path: Path, way: str
) -> None:
    file = tmp_path / "keys"
    file.write_text("")
    async with visiting(chosen={"api_keys_file": file}, faults=True, **WAYS[way]) as visit:
        turn = await visit.ask(RETURNS)
        await expect(turn.locator(".trouble")).to_contain_text("an API key is needed")
        await expect(visit.page.locator("#key")).to_be_visible()
        assert await violations(visit) == []


async def test_everything_can_be_reached_and_used_by_the_keyboard(visiting: Visiting) -> None:
    async with visiting() as visit:
        page = visit.page
        await expect(page.locator("#question")).to_be_focused()
        await page.keyboard.type("For how many days can I return an order")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("that I do not want?")
        await page.keyboard.press("Enter")
        turn = page.locator(".turn")
        await expect(turn.locator(".origin")).to_be_visible()
        mark, link = turn.locator(".mark").first, turn.locator(".card a")
        seen = []
        for _ in range(40):
            await page.keyboard.press("Shift+Tab")
            seen.append(
                await page.evaluate("document.activeElement.className || document.activeElement.localName")
            )
            if await mark.evaluate("node => node === document.activeElement"):
                break
        assert {"mark", "quiet", "summary"} <= set(seen), seen
        await page.keyboard.press("Tab")  # into the card
        await page.keyboard.press("Tab")
        await expect(link).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(mark).to_be_focused()
        await page.keyboard.press("/")  # a key alone does nothing: speech input types such keys (WCAG 2.1.4)
        await expect(mark).to_be_focused()
        await page.locator("#question").focus()
        await page.keyboard.type("shipping price")
        await page.keyboard.press("Enter")
        suggestion = page.locator("button.suggestion", has_text="Norway")
        await suggestion.wait_for()
        for _ in range(10):
            await page.keyboard.press("Shift+Tab")
            if await suggestion.evaluate("node => node === document.activeElement"):
                break
        await page.keyboard.press("Enter")
        await expect(page.locator(".turn").last.locator("h2")).to_be_focused()
        await expect(page.locator(".turn").last.locator(".answer")).to_contain_text("12 euros")


async def test_the_answer_is_no_live_region_while_it_is_written(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.answered(RETURNS)
        live = "[aria-live], [role=status], [role=alert], [role=log]"
        assert await visit.page.locator(live).evaluate_all("nodes => nodes.map(node => node.id)") == [
            "status"
        ]


async def test_a_phone_shows_all_of_it_without_scrolling_sideways(visiting: Visiting) -> None:
    async with visiting(**PHONE) as visit:
        turn = await visit.answered(RETURNS)
        await turn.locator(".mark").first.tap()
        card = turn.locator(".card")
        await expect(card).to_contain_text("The label costs 4 euros.")
        box = await card.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        await visit.answered(INSTALL)
        await visit.answered("A" * 3000)
        assert await visit.page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_dark_and_the_accent_colour(visiting: Visiting) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    button = "getComputedStyle(document.getElementById('send')).backgroundColor"
    async with visiting(chosen={"page_color": "#123456"}) as visit:
        assert await visit.page.evaluate(background) == "rgb(255, 255, 255)"
        assert await visit.page.evaluate(button) == "rgb(18, 52, 86)"
    async with visiting(chosen={"page_color": "#123456"}, color_scheme="dark") as visit:
        assert await visit.page.evaluate(background) == "rgb(20, 23, 28)"
        assert await visit.page.evaluate(button) != "rgb(18, 52, 86)"  # it could not be seen


async def test_right_to_left(visiting: Visiting) -> None:
    async with visiting(locale="ar") as visit:
        turn = await visit.answered("كيف أعيد الطلب؟")
        await expect(turn.locator(".answer")).to_contain_text("30 يومًا")
        send, box = [await visit.page.locator(name).bounding_box() for name in ("#send", "#question")]
        assert send
        assert box
        assert send["x"] < box["x"]
        assert await visit.page.locator(".code pre").count() == 0
        turn = await visit.answered(INSTALL)
        direction = "node => getComputedStyle(node).direction"
        assert await turn.locator("pre").first.evaluate(direction) == "ltr"
        assert await turn.locator("h2").evaluate(direction) == "ltr"  # the question's own direction


async def test_markdown_of_entries_is_shown_as_meant(visiting: Visiting) -> None:
    async with visiting(permissions=["clipboard-read", "clipboard-write"]) as visit:
        turn = await visit.answered(INSTALL)
        answer = turn.locator(".answer")
        await expect(answer.locator("pre code")).to_have_text("sudo apt-get install scanner-driver")
        await expect(answer.locator("ol > li")).to_have_count(2)
        await expect(answer.locator("ol > li ul > li")).to_have_text(["choose Devices", "choose the scanner"])
        await expect(answer.locator("strong")).to_have_text("Settings")
        await expect(answer.locator("td").first).to_have_text("Debian")
        links = await answer.locator("a").evaluate_all("nodes => nodes.map(node => node.href)")
        assert links == ["https://tools.example/manual?a=1&b=2", "https://tools.example/driver"]
        await answer.get_by_role("button", name="Copy code").click()
        await visit.status("Copied.")
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        assert copied == "sudo apt-get install scanner-driver"


async def test_it_works_under_a_path_prefix(visiting: Visiting, shop: Chosen, browser: Any) -> None:
    app = create_app(settings_of(shop))
    async with app.router.lifespan_context(app) as state:

        async def started(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        async with served(Starlette(routes=[Mount("/help", started)])) as client:
            page = await browser.new_page()
            errors: list[str] = []
            page.on("console", lambda message: errors.append(message.text))
            await page.goto(f"{str(client.base_url).rstrip('/')}/help/?q=How+long+can+I+return+an+order?")
            await expect(page.locator(".turn .answer")).to_contain_text("within 30 days")
            assert errors == []
            await page.close()


async def test_the_first_load_is_small_and_loads_each_file_once(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.page.wait_for_load_state("networkidle")
        sizes: dict[str, int] = await visit.page.evaluate(
            """Object.fromEntries(["navigation", "resource"].flatMap(
                type => performance.getEntriesByType(type)
                ).map(entry => [entry.name, entry.decodedBodySize]))"""
        )
        assert set(visit.requests) == set(sizes)
        assert 20_000 < sum(sizes.values()) <= 60_000
