"""Open WebUI itself, unmodified, with askd as a connection. Run by `scripts/soak`."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from app.models.scripted import ScriptedModel
from tests.browser.visit import RETURNS, running
from tests.live.serving import Chosen, settings_of

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.timeout(900)]
_STARTS = 120  # seconds


@asynccontextmanager
async def open_webui(folder: Path, openai_url: str) -> AsyncIterator[str]:
    """Its address, with this connection."""
    installing = await asyncio.create_subprocess_exec("tools/ci/open-webui", stdout=subprocess.PIPE)
    program, _ = await installing.communicate()
    assert installing.returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "DATA_DIR": str(folder),
        "ENABLE_OLLAMA_API": "false",
        "OFFLINE_MODE": "true",
        "OPENAI_API_BASE_URL": openai_url,
        "OPENAI_API_KEY": "none",
        "USE_SLIM_DOCKER": "true",
        "WEBUI_AUTH": "false",
        "WEBUI_SECRET_KEY": "of a test",
    }
    command = [program.decode().strip(), "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **own}, cwd=folder, stdout=log, stderr=log
        )
    try:
        await _started(process, f"http://127.0.0.1:{port}/health", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _started(process: asyncio.subprocess.Process, health: str, log: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(_STARTS):
        while True:
            assert process.returncode is None, f"it ended; see {log}"
            try:
                if (await client.get(health)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.5)


async def ask(page: Page, question: str) -> None:
    await page.locator("#chat-input").click()
    await page.keyboard.type(question)
    await page.keyboard.press("Enter")


async def test_a_question_is_answered_and_its_citation_shows_the_entry(
    browser: Browser, shop: Chosen, llm: ScriptedModel, tmp_path: Path
) -> None:
    async with (
        running(settings_of(shop)) as service,
        open_webui(tmp_path, f"{str(service.client.base_url).rstrip('/')}/v1") as address,
    ):
        context = await browser.new_context(locale="en-GB", viewport={"width": 1100, "height": 600})
        page = await context.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=30_000)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        try:
            await page.goto(address)
            await page.get_by_role("button", name="Okay, Let's Go!").click()
            await ask(page, RETURNS)
            answer = page.locator("#response-content-container").last
            await expect(answer).to_contain_text("You can return an order within 30 days")
            prompts = len(llm.prompts)
            await answer.get_by_role("button", name="How long can I").first.click()
            entry = page.get_by_role("dialog")
            await expect(entry).to_contain_text("How long can I return an order?")
            await expect(entry).to_contain_text("The label costs 4 euros.")
            await page.screenshot(path=tmp_path / "open-webui.png", animations="disabled")
            await page.keyboard.press("Escape")
            await expect(entry).to_be_hidden()
            # The title of the chat, which Open WebUI asks a model for by itself, took no generation.
            await expect(page.get_by_text("For how many days can").first).to_be_visible()
            assert len(llm.prompts) == prompts
            await page.goto(address)
            await ask(page, "Who won the chess championship in 1972?")
            await expect(page.locator("#response-content-container").last).to_contain_text(
                "The FAQ does not answer this question."
            )
            assert len(llm.prompts) == prompts
            hosts = {urlsplit(url).netloc for url in requests if url.startswith("http")}
            assert hosts == {urlsplit(address).netloc}
        finally:
            expect.set_options(timeout=5000)
            await context.close()
