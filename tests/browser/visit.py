"""Somebody at the page, and what their browser did."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from app.settings import Settings
from tests.live.serving import Service, serving

RETURNS = "For how many days can I return an order that I do not want?"


@dataclass
class Visit:
    page: Page
    service: Service
    origin: str
    requests: list[str] = field(default_factory=list)  # their URLs
    complaints: list[str] = field(default_factory=list)  # errors and violations of the policy, on the console

    async def ask(self, question: str) -> Locator:
        """Types it; returns where the answer will be."""
        await self.page.fill("#question", question)
        await self.page.keyboard.press("Enter")
        return self.page.locator(".turn").last

    async def answered(self, question: str) -> Locator:
        turn = await self.ask(question)
        await expect(turn.locator(".answer")).to_have_attribute("aria-busy", "false", timeout=15_000)
        return turn

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    @property
    def origins(self) -> set[str]:
        """Where requests went."""
        parts = [urlsplit(url) for url in self.requests if not url.startswith("data:")]
        return {f"{part.scheme}://{part.netloc}" for part in parts}

    async def status(self, text: str) -> None:
        """Waits until a screen reader would have been told this."""
        await self.page.locator("#status", has_text=text).wait_for(state="attached")


Visiting = Callable[..., AbstractAsyncContextManager[Visit]]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        await service.ready()
        yield service


async def opened(context: BrowserContext, service: Service, path: str, ready: str = "#send:enabled") -> Visit:
    context.set_default_timeout(15_000)
    page = await context.new_page()
    base = str(service.client.base_url).rstrip("/")
    visit = Visit(page, service, base)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", visit.hear)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("dialog", lambda dialog: visit.complaints.append(f"a dialog: {dialog.message}"))
    await page.goto(base + path)
    await page.locator(ready).wait_for()
    return visit
