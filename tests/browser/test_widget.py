"""The widget, in a page of another origin."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from app.main import create_app
from app.models.scripted import ScriptedModel
from tests.browser.site import SHOP_WIDGET, AtSite, Site
from tests.browser.visit import RETURNS
from tests.live.serving import Chosen, settings_of
from tests.support.served import served

pytestmark = pytest.mark.anyio

EXACT = "How long can I return an order?"
PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


async def test_an_answer_is_streamed_with_its_sources_and_judged(at: AtSite, llm: ScriptedModel) -> None:
    async with at() as visit:
        await visit.open()
        llm.pause.clear()
        turn = await visit.ask(RETURNS)
        await expect(turn.locator(".entries summary").first).to_contain_text(EXACT)
        await expect(turn.locator(".answer")).to_be_empty()
        await visit.status("Writing the answer")
        llm.pause.set()
        await expect(turn.locator(".answer")).to_contain_text("You can return an order within 30 days")
        await visit.status("The answer is there. Sources: 1.")
        mark, card = turn.locator(".mark").first, turn.locator(".card")
        await mark.click()
        await expect(card).to_contain_text("The label costs 4 euros.")
        await expect(card.locator("a")).to_have_attribute("href", "https://shop.example/returns")
        await visit.page.keyboard.press("Escape")  # ends the card, not the dialog
        await expect(card).to_have_count(0)
        await turn.get_by_role("button", name="Yes").click()
        await visit.status("Thank you.")
        await expect(turn.get_by_role("button", name="Copy link")).to_have_count(0)  # of a page not ours


async def test_a_suggestion_is_asked_by_a_click(at: AtSite) -> None:
    async with at() as visit:
        await visit.open()
        turn = await visit.answered("shipping price")
        await turn.get_by_role("button", name="How much does shipping to Norway cost?").click()
        last = visit.widget.locator(".turn").last
        await expect(last.locator(".answer")).to_contain_text("Shipping to Norway costs 12 euros")
        await visit.widget.get_by_role("button", name="New conversation").click()
        await expect(visit.widget.locator(".turn")).to_have_count(0)
        await expect(visit.widget.locator(".welcome")).to_be_visible()


async def test_a_question_that_the_faq_does_not_answer_is_declined(at: AtSite) -> None:
    async with at({}, chosen={"api_keys_file": None}) as visit:  # in all collections
        await visit.open()
        turn = await visit.answered("Who won the chess championship in 1972?")
        await expect(turn.locator(".answer")).to_contain_text("The FAQ does not answer this question.")
        await visit.status("The FAQ does not answer this.")


async def test_the_keyboard_alone_opens_it_stays_inside_and_leaves(at: AtSite) -> None:
    async with at() as visit:
        page, inside = visit.page, "document.activeElement.localName"
        launcher, box = visit.widget.locator(".launcher"), visit.widget.locator(".composer textarea")
        await page.keyboard.press("Tab")
        await expect(launcher).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(box).to_be_focused()
        before = await page.evaluate("window.keys.length")
        await page.keyboard.type(RETURNS)
        await page.keyboard.press("Enter")
        await expect(visit.widget.locator(".origin")).to_be_visible()
        assert await page.evaluate("window.keys.length") == before  # the page's shortcuts heard nothing
        seen = set()
        for _ in range(30):
            await page.keyboard.press("Tab")
            seen.add(await page.evaluate(f"document.hasFocus() ? {inside} : 'body'"))
        assert seen <= {"askd-widget", "body"}, seen  # body: the browser's own controls are next
        await box.focus()
        await page.keyboard.press("Escape")
        await expect(visit.widget.locator("dialog")).to_be_hidden()
        await expect(launcher).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(box).to_be_focused()
        await expect(visit.widget.locator(".turn")).to_have_count(1)  # the conversation is still there
        await visit.widget.get_by_role("button", name="Close").click()
        await expect(launcher).to_be_focused()


@pytest.mark.parametrize("way", ["Stop", "Close", "Escape", "leaving the page"])
async def test_stopping_closing_and_leaving_free_the_slot(at: AtSite, llm: ScriptedModel, way: str) -> None:
    async with at(chosen={"api_keys_file": None}) as visit:
        await visit.open()
        llm.pause.clear()
        turn = await visit.ask(RETURNS)
        await expect(turn.locator(".progress")).to_contain_text("Writing")
        assert not llm.closed
        if way == "leaving the page":
            await visit.page.goto(f"{visit.site}/?other")
        elif way == "Escape":
            await visit.page.keyboard.press("Escape")
            await expect(visit.widget.locator("dialog")).to_be_visible()  # the next one would close it
        else:
            await visit.widget.get_by_role("button", name=way, exact=True).click()
        async with asyncio.timeout(5):
            while not llm.closed:
                await asyncio.sleep(0.01)
        llm.pause.set()
        assert (await visit.service.ask(RETURNS))["origin"] == "generated"  # the only slot is free


WAYS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": PHONE,
    "right-to-left": {},
}


@pytest.mark.parametrize("way", WAYS)
async def test_axe_finds_nothing_in_any_state(at: AtSite, way: str) -> None:
    language = "ar" if way == "right-to-left" else "de"  # with the longest words
    attributes = {**SHOP_WIDGET, "data-color": "#ffcc00", "data-language": language}
    async with at(attributes, **WAYS[way]) as visit:
        assert await visit.violations() == []
        await visit.open()
        assert await visit.violations() == []
        turn = await visit.answered(RETURNS)
        await turn.locator(".mark").first.focus()
        await expect(turn.locator(".card")).to_be_visible()
        assert await visit.violations() == []
        await visit.answered("shipping price")
        await visit.answered("Who won the chess championship in 1972?")
        assert await visit.violations() == []


async def test_the_styles_of_the_page_do_not_reach_it(at: AtSite) -> None:
    async with at({**SHOP_WIDGET, "data-color": "#123456"}) as visit:
        await visit.open()
        await visit.answered(RETURNS)
        look = await visit.widget.locator(".composer textarea").evaluate(
            """node => {
                const { display, visibility, fontFamily, fontSize, color } = getComputedStyle(node)
                return { display, visibility, fontFamily, fontSize, color }
            }"""
        )
        assert look["fontFamily"].startswith("system-ui")
        assert (look["fontSize"], look["visibility"], look["color"]) == (
            "16px",
            "visible",
            "rgb(27, 32, 38)",
        )
        assert look["display"] != "none"
        box = await visit.widget.locator("dialog").bounding_box()
        assert box
        assert (box["width"], box["x"] + box["width"]) == (420, 1280 - 20)


async def test_a_phone_shows_all_of_it(at: AtSite) -> None:
    async with at(**PHONE) as visit:
        launcher = await visit.widget.locator(".launcher").bounding_box()
        assert launcher
        assert launcher["width"] < 60
        await visit.widget.locator(".launcher").tap()
        await expect(visit.widget.locator(".composer textarea")).to_be_focused()
        box = await visit.widget.locator("dialog").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 320, "height": 640}
        turn = await visit.answered(RETURNS)
        await turn.locator(".mark").first.tap()
        card = await turn.locator(".card").bounding_box()
        assert card
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= 320
        await visit.answered("A" * 3000)
        content = visit.widget.locator(".content")
        assert await content.evaluate("node => node.scrollWidth <= node.clientWidth")


async def test_it_speaks_another_language_right_to_left(at: AtSite) -> None:
    async with at({"data-collection": "arabic", "data-language": "ar", "data-title": "مساعدة"}) as visit:
        launcher = visit.widget.locator(".launcher")
        await expect(launcher).to_have_text("اطرح سؤالاً")
        place = await launcher.bounding_box()
        assert place
        assert place["x"] == 20  # its end is on the left
        await visit.open()
        turn = await visit.answered("كيف أعيد الطلب؟")
        await expect(turn.locator(".answer")).to_contain_text("30 يومًا")
        await expect(visit.widget.get_by_role("dialog", name="مساعدة")).to_be_visible()
        send, box = [
            await visit.widget.locator(f".composer {name}").bounding_box() for name in ("button", "textarea")
        ]
        assert send
        assert box
        assert send["x"] < box["x"]


async def test_a_press_beside_it_closes_it_and_a_selection_that_ends_there_does_not(at: AtSite) -> None:
    async with at() as visit:
        await visit.open()
        mouse, dialog = visit.page.mouse, visit.widget.locator("dialog")
        await visit.widget.locator(".welcome h2").hover()
        await mouse.down()
        await mouse.move(100, 300)
        await mouse.up()
        await expect(dialog).to_be_visible()
        await mouse.click(100, 300)
        await expect(dialog).to_be_hidden()


async def test_it_works_under_a_path_prefix(browser: Browser, shop: Chosen, llm: ScriptedModel) -> None:
    site = Site([SHOP_WIDGET], policy="")
    async with served(site.routes()) as own:
        origin = str(own.base_url).rstrip("/")
        app = create_app(settings_of(shop, {"cors_origins": origin}))
        async with app.router.lifespan_context(app) as state:

            async def started(scope: Scope, receive: Receive, send: Send) -> None:
                await app({**scope, "state": dict(state or {})}, receive, send)

            async with served(Starlette(routes=[Mount("/help", started)])) as client:
                site.askd = f"{str(client.base_url).rstrip('/')}/help"
                page = await browser.new_page()
                await page.goto(origin)
                await page.locator(".launcher").click()
                await page.locator(".composer textarea").fill(EXACT)
                await page.keyboard.press("Enter")
                await expect(page.locator(".turn .answer")).to_contain_text("within 30 days")
                await page.close()


async def test_two_widgets_have_nothing_in_common(at: AtSite) -> None:
    first = {
        **SHOP_WIDGET,
        "data-title": "Orders",
        "data-greeting": "About your order?",
        "data-position": "left",
    }
    second = {"data-collection": "tools", "data-language": "de", "data-open": "", "data-title": "Geräte"}
    async with at(first, second) as visit:
        one, two = [visit.page.locator("askd-widget").nth(at) for at in (0, 1)]
        await expect(two.get_by_role("dialog", name="Geräte")).to_be_visible()
        await expect(two.locator(".composer textarea")).to_be_focused()
        await two.locator(".composer textarea").fill("How do I install the scanner driver on Linux?")
        await visit.page.keyboard.press("Enter")
        await expect(two.locator(".answer pre")).to_contain_text("sudo apt-get install scanner-driver")
        await expect(two.locator(".origin")).to_contain_text("FAQ")
        await two.get_by_role("button", name="Schließen").click()
        await one.locator(".launcher").click()
        await expect(one.locator(".welcome h2")).to_have_text("About your order?")
        await expect(one.locator(".turn")).to_have_count(0)
        await one.locator(".composer textarea").fill(EXACT)
        await visit.page.keyboard.press("Enter")
        await expect(one.locator(".answer")).to_contain_text("within 30 days")
        await expect(two.locator(".turn")).to_have_count(1)
        place = await one.locator("dialog").bounding_box()
        assert place
        assert place["x"] == 20


async def test_it_is_small_until_it_is_opened_and_small_then(at: AtSite) -> None:
    async with at() as visit:
        await visit.page.wait_for_load_state("networkidle")
        own = [url for url in visit.requests if url.startswith(visit.origin)]
        assert own == [f"{visit.origin}/widget.js"]
        response = await visit.service.client.get("/widget.js", headers={"Accept-Encoding": "gzip, br"})
        assert "content-encoding" not in response.headers  # so that what counts is its size as it is
        assert len(response.content) <= 20_000
        await visit.open()
        opened = {url for url in visit.requests if url.startswith(visit.origin)}
        sizes = [len((await visit.service.client.get(url)).content) for url in opened]
        assert sum(sizes) <= 70_000
