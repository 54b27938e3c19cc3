"""The page in Chromium: the real service over an embedded index, with a model that follows a script."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from app.api.keys import add_key
from app.indexes.memory import manifest_of, records_of
from app.models.scripted import ScriptedModel
from app.wiring import open_askd
from app.wiring.models import MODELS, ModelKind
from tests.browser.hostile import ENTRY
from tests.browser.site import SHOP_WIDGET, AtSite, Site, SiteVisit, at_site
from tests.browser.visit import Visit, Visiting, opened, running
from tests.live.serving import Chosen, ingest, settings_of

SHOP = Path("tests/browser/shop.json")
SCRIPT = (
    "You can return ",
    "an order ",
    "within ",
    "30 days ",
    "[1]. ",
    "Unused items ",
    "are refunded in full [1].",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    path = os.environ.get("ASKD_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is missing: run tools/ci/browser, or name one in ASKD_TEST_CHROMIUM"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path,
            # Containers have no user namespaces for its sandbox, and 64 MB of /dev/shm.
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    """An index with a few entries, in three collections."""
    chosen: Chosen = {"data_dir": tmp_path_factory.mktemp("shop")}
    await ingest(settings_of(chosen), SHOP)
    return chosen


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """What writes the answers: large enough to be let write freely."""
    model = ScriptedModel(SCRIPT, parameters=3_000_000_000, loaded=True)

    async def opened(*_: object) -> ScriptedModel:
        return model

    monkeypatch.setitem(MODELS, "embedded", ModelKind(opened, "scripted"))
    return model


@pytest.fixture
def visiting(browser: Browser, shop: Chosen, llm: ScriptedModel) -> Visiting:
    """Opens the page of a service with these settings, in a fresh browser context with these options."""

    @asynccontextmanager
    async def visit(
        path: str = "/",
        chosen: Chosen | None = None,
        faults: bool = False,
        ready: str = "#send:enabled",
        **options: Any,
    ) -> AsyncIterator[Visit]:
        async with running(settings_of(shop, chosen or {})) as service:
            context = await browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce", **options})
            try:
                visit = await opened(context, service, path, ready)
                yield visit
                assert visit.origins == {visit.origin}
                assert faults or visit.complaints == []
            finally:
                await context.close()

    return visit


@pytest.fixture
def at(browser: Browser, shop: Chosen, llm: ScriptedModel, tmp_path: Path) -> AtSite:
    """At the page of a site with these widgets; the service has keys, of which the site knows none."""
    add_key(tmp_path / "keys", "somebody")
    public: Chosen = {
        "api_keys_file": tmp_path / "keys",
        "public_collections": "shop,tools,arabic,hostile,gone",
        "rate_limit": "1000/minute",
    }

    @asynccontextmanager
    async def visit(
        *widgets: dict[str, str],
        chosen: Chosen | None = None,
        faults: bool = False,
        policy: str = "",
        **options: Any,
    ) -> AsyncIterator[SiteVisit]:
        settings = settings_of(shop, public, chosen or {})
        site = Site(list(widgets) or [SHOP_WIDGET], **({"policy": policy} if policy else {}))
        async with at_site(browser, settings, site, **options) as visit:
            yield visit
            assert visit.origins <= {visit.site, visit.origin}
            assert faults or visit.complaints == []
            assert await visit.page.evaluate(
                "[document.cookie, localStorage.length, sessionStorage.length]"
            ) == [
                "",
                0,
                0,
            ]

    return visit


@pytest.fixture
async def hostile(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    """An index with what `askd ingest` would have cleaned: a page must not rest on that."""
    chosen: Chosen = {"data_dir": tmp_path_factory.mktemp("hostile")}
    async with open_askd(settings_of(chosen)) as askd:
        await askd.store.publish(manifest_of([ENTRY], "1"), records_of([ENTRY]), lambda _: None)
    return chosen
