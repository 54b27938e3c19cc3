"""Somebody else's web site, which has the widget in its page: hostile styles, and a strict policy."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from html import escape

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.settings import Settings
from tests.browser.visit import Visit, running
from tests.support.served import served

SHOP_WIDGET = {"data-collection": "shop"}  # a widget
# What sites really have, made important: nothing of it may reach the widget.
HOSTILE = """
html { font-size: 62.5%; direction: ltr }
* { all: unset !important; font-family: fantasy !important; color: lime !important }
button, textarea, dialog, form, p, askd-widget { display: none !important; visibility: hidden !important }
askd-widget { transform: scale(0) !important; opacity: 0 !important; z-index: -1 !important }
main, h1 { display: block !important }
"""
POLICY = (
    "default-src 'none'; script-src {askd} 'self'; connect-src {askd}; style-src 'self'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# Reads what is typed, as shortcuts of a page do.
SHORTCUTS = "window.keys = []; document.addEventListener('keydown', event => window.keys.push(event.key))"


@dataclass
class Site:
    """`widgets` are the attributes of each script element; {askd} in `policy` is the service's origin."""

    widgets: list[Mapping[str, str]]
    policy: str = POLICY
    css: str = HOSTILE
    origin: str = ""
    askd: str = ""

    async def page(self, request: Request) -> Response:
        scripts = "".join(
            f'<script src="{self.askd}/widget.js" {attributes} defer></script>'
            for attributes in (
                " ".join(f'{name}="{escape(value)}"' for name, value in each.items()) for each in self.widgets
            )
        )
        html = (
            f'<!doctype html><html lang="en"><head><title>Lamps &amp; more</title>'
            '<meta name="viewport" content="width=device-width">'
            '<link rel="stylesheet" href="/site.css"><script src="/site.js"></script>'
            f"{scripts}</head><body><main><h1>Lamps &amp; more</h1><p>Your order is on its way.</p></main>"
        )
        headers = {"Content-Security-Policy": self.policy.format(askd=self.askd)} if self.policy else {}
        return HTMLResponse(html, headers=headers)

    def routes(self) -> Starlette:
        async def css(_: Request) -> Response:
            return Response(self.css, media_type="text/css")

        async def script(_: Request) -> Response:
            return Response(SHORTCUTS, media_type="text/javascript")

        return Starlette(routes=[Route("/", self.page), Route("/site.css", css), Route("/site.js", script)])


@dataclass
class SiteVisit(Visit):
    """Somebody at that page."""

    site: str = ""
    widget: Locator = field(init=False)  # the first one

    def __post_init__(self) -> None:
        self.widget = self.page.locator("askd-widget").first

    async def open(self) -> None:
        await self.widget.locator(".launcher").click()
        await expect(self.widget.locator(".composer textarea")).to_be_focused()

    async def ask(self, question: str) -> Locator:
        await self.widget.locator(".composer textarea").fill(question)
        await self.page.keyboard.press("Enter")
        return self.widget.locator(".turn").last

    async def violations(self) -> list[str]:
        """Of WCAG 2.2 AA and of good practice, as axe finds them in the widgets."""
        found = (await Axe().run(self.page, "askd-widget")).response["violations"]
        return [f"{item['id']}: {node['html'][:200]}" for item in found for node in item["nodes"]]

    async def status(self, text: str) -> None:
        await self.widget.locator("[role=status]", has_text=text).wait_for(state="attached")


AtSite = Callable[..., AbstractAsyncContextManager[SiteVisit]]


@asynccontextmanager
async def at_site(
    browser: Browser, settings: Settings, site: Site, *, allowed: bool = True, **options: object
) -> AsyncIterator[SiteVisit]:
    """At `site`, whose origin may call the service if `allowed`."""
    async with served(site.routes()) as client:
        site.origin = str(client.base_url).rstrip("/")
        origins = site.origin if allowed else "https://somebody.example"
        async with running(settings.model_copy(update={"cors_origins": origins})) as service:
            site.askd = str(service.client.base_url).rstrip("/")
            usual = {"locale": "en-GB", "reduced_motion": "reduce"}
            context = await browser.new_context(**{**usual, **options})  # type: ignore[arg-type]
            try:
                yield await _opened(
                    context, SiteVisit(await _page(context), service, site.askd, site=site.origin)
                )
            finally:
                await context.close()


async def _page(context: BrowserContext) -> Page:
    context.set_default_timeout(15_000)
    return await context.new_page()


async def _opened(context: BrowserContext, visit: SiteVisit) -> SiteVisit:
    page = visit.page
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", visit.hear)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("dialog", lambda dialog: visit.complaints.append(f"a dialog: {dialog.message}"))
    await page.goto(f"{visit.site}/")
    await visit.widget.locator(".launcher").wait_for()
    return visit
