"""The pictures of docs/, taken anew: .venv/bin/python -m tests.browser.screenshots"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page

from app.errors import ModelUnavailable
from app.models.scripted import ScriptedModel
from app.settings import Settings
from app.wiring.models import MODELS, ModelKind
from tests.browser.conftest import SCRIPT, SHOP, chromium
from tests.browser.owners_week import fill
from tests.browser.site import SHOP_WIDGET, Site, at_site
from tests.browser.visit import RETURNS, running
from tests.live.serving import Chosen, ingest, settings_of

IMAGES = Path("docs/images")
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
INSTALL = "How do I install the scanner driver on Linux?"
CHOSEN: Chosen = {
    "page_name": "Shop help",
    "page_examples": f"How long can I return an order?; {INSTALL}",
}


class Camera:
    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address

    async def open(self, **options: Any) -> Page:
        usual = {"viewport": {"width": 900, "height": 600}, "reduced_motion": "reduce", "locale": "en"}
        page = await (await self._browser.new_context(**{**usual, **options})).new_page()
        await page.goto(self._address)
        return page

    async def ask(self, page: Page, question: str) -> Locator:
        await page.fill("#question", question)
        await page.keyboard.press("Enter")
        await page.locator(".turn").last.locator(".answer[aria-busy=false]").wait_for(state="attached")
        return page.locator(".turn").last

    async def take(self, page: Page, name: str) -> None:
        await asyncio.sleep(0.4)  # for cards that open on hover
        await page.screenshot(path=IMAGES / f"page-{name}.png")


async def main() -> None:
    llm = ScriptedModel(SCRIPT, parameters=3_000_000_000, loaded=True)

    async def opened(*_: object) -> ScriptedModel:
        return llm

    pytest.MonkeyPatch().setitem(MODELS, "embedded", ModelKind(opened, "scripted"))
    with TemporaryDirectory() as folder:
        settings = settings_of({"data_dir": Path(folder)}, CHOSEN)
        await ingest(settings, SHOP)
        async with running(settings) as service, chromium() as browser:
            await pictures(Camera(browser, str(service.client.base_url)), llm)
            llm.script = list(SCRIPT)
            await widget(browser, settings)
    with TemporaryDirectory() as folder:
        week = await fill(Path(folder), page_name="Shop help")
        async with running(week) as service, chromium() as browser:
            await picture_for_owners(Camera(browser, str(service.client.base_url.join("/admin"))))


async def pictures(camera: Camera, llm: ScriptedModel) -> None:
    page = await camera.open()
    await camera.take(page, "start")
    turn = await camera.ask(page, RETURNS)
    await turn.locator(".mark").first.hover()
    await camera.take(page, "answer")
    page = await camera.open()
    await camera.ask(page, "shipping price")
    await camera.take(page, "suggested")
    page = await camera.open()
    await camera.ask(page, "Who won the chess championship in 1972?")
    await camera.take(page, "declined")
    page = await camera.open(**PHONE)
    await camera.ask(page, INSTALL)
    await camera.take(page, "phone")
    page = await camera.open(locale="ar", **PHONE)
    await camera.ask(page, "كيف أعيد الطلب؟")
    await camera.take(page, "right-to-left")
    llm.script = [ModelUnavailable("the model is gone")]
    page = await camera.open(color_scheme="dark")
    await camera.ask(page, RETURNS)
    await camera.take(page, "model-down")


async def picture_for_owners(camera: Camera) -> None:
    page = await camera.open(viewport={"width": 1000, "height": 1180})
    await page.get_by_label("Period").select_option("7")
    group = page.locator(".gap").first
    await page.locator("#report[aria-busy=false] .plots").wait_for()
    await group.get_by_role("button", name="Write an entry").click()
    await group.get_by_label("Answer").fill("Not yet. The page works on a phone, too.")
    await page.evaluate("scrollTo(0, 0)")
    await camera.take(page, "owners")


SITE = (
    "body { font: 17px/1.6 Georgia, serif; margin: 48px; max-width: 420px; color: #333; background: #faf6ef }"
)


async def widget(browser: Browser, settings: Settings) -> None:
    attributes = {**SHOP_WIDGET, "data-title": "Shop help", "data-color": "#8a4b08"}
    wide: dict[str, Any] = {"viewport": {"width": 900, "height": 640}}
    for name, options in {"answer": wide, "phone": {**PHONE, "color_scheme": "dark"}}.items():
        async with at_site(browser, settings, Site([attributes], css=SITE), **options) as visit:
            await visit.open()
            turn = await visit.answered(RETURNS)
            if name == "answer":
                await turn.locator(".mark").first.hover()
            await asyncio.sleep(0.4)
            await visit.page.screenshot(path=IMAGES / f"widget-{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
