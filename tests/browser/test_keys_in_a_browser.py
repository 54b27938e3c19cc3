"""API keys at the page: asked for, kept for the tab, told to be wrong."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from app.api.keys import add_key
from tests.browser.visit import Visiting

pytestmark = pytest.mark.anyio

EXACT = "How long can I return an order?"


async def test_a_key_is_asked_for_and_kept_for_the_tab(visiting: Visiting, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    secret = add_key(file, "reader")
    async with visiting(chosen={"api_keys_file": file}, faults=True) as visit:
        form, field = visit.page.locator("#key"), visit.page.locator("#key input")
        await expect(field).to_be_focused()
        await visit.page.keyboard.type("wrong")
        await visit.page.keyboard.press("Enter")
        await expect(form).to_contain_text("This key is not known.")
        await field.fill(f" \u200b{secret}\u200b ")  # as it comes out of some documents
        await visit.page.keyboard.press("Enter")
        await expect(form).to_be_hidden()
        await expect(visit.page.locator("#chooser")).to_be_visible()
        turn = await visit.answered(EXACT)
        await expect(turn.locator(".answer")).to_contain_text("within 30 days")
        await visit.page.reload()
        turn = await visit.answered(EXACT)
        await expect(turn.locator(".answer")).to_contain_text("within 30 days")
        assert await visit.page.evaluate("document.cookie") == ""
        assert secret not in visit.page.url


async def test_a_question_without_a_key_is_answered_once_there_is_one(
    visiting: Visiting, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    secret = add_key(file, "reader")
    async with visiting("/?q=How+long+can+I+return+an+order", {"api_keys_file": file}, faults=True) as visit:
        form, field = visit.page.locator("#key"), visit.page.locator("#key input")
        await expect(visit.page.locator(".trouble")).to_contain_text("an API key is needed")
        await field.fill("wrong")
        await field.press("Enter")
        await expect(form).to_contain_text("This key is not known.")
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("an API key is needed")
        await expect(form).to_contain_text("This key is not known.")
        await field.fill(secret)
        await field.press("Enter")
        await expect(visit.page.locator(".turn .answer").last).to_contain_text("within 30 days")
        await expect(visit.page.locator("#chooser")).to_be_visible()


async def test_a_new_conversation_forgets_the_question_that_waited_for_a_key(
    visiting: Visiting, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    secret = add_key(file, "reader")
    async with visiting(chosen={"api_keys_file": file}, faults=True) as visit:
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("an API key is needed")
        await visit.page.get_by_role("button", name="New conversation").click()
        await visit.page.locator("#key input").fill(secret)
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.locator("#chooser")).to_be_visible()
        await expect(visit.page.get_by_role("button", name="Ask")).to_be_visible()
        assert len([url for url in visit.requests if url.endswith("/ask/stream")]) == 1


async def test_a_key_works_where_the_browser_forbids_storage(visiting: Visiting, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    secret = add_key(file, "reader")
    forbid = "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('forbidden') } })"
    async with visiting(chosen={"api_keys_file": file}, faults=True) as visit:
        await visit.page.add_init_script(forbid)
        await visit.page.reload()
        await visit.page.locator("#key input").fill(secret)
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.locator("#chooser")).to_be_visible()
        turn = await visit.answered(EXACT)
        await expect(turn.locator(".answer")).to_contain_text("within 30 days")
