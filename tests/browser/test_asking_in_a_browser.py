"""What people do at the page, and what they see."""

import asyncio
import json

import pytest
from playwright.async_api import expect

from app.errors import ModelUnavailable, SearchUnavailable
from app.models.scripted import ScriptedModel
from tests.browser.visit import RETURNS, Visiting

pytestmark = pytest.mark.anyio

EXACT = "How long can I return an order?"


async def test_an_answer_is_streamed_and_its_sources_come_first(
    visiting: Visiting, llm: ScriptedModel
) -> None:
    async with visiting() as visit:
        llm.pause.clear()
        turn = await visit.ask(RETURNS)
        await expect(turn.locator(".entries summary").first).to_contain_text(EXACT)
        await expect(turn.locator(".answer")).to_be_empty()
        await expect(turn.locator(".answer")).to_have_attribute("aria-busy", "true")
        await visit.status("Writing the answer")
        llm.pause.set()
        await expect(turn.locator(".answer")).to_contain_text("You can return an order within 30 days")
        await expect(turn.locator(".origin")).to_contain_text("Written from the sources")
        await visit.status("The answer is there. Sources: 1.")


async def test_a_mark_shows_its_entry_on_hover_focus_and_click(visiting: Visiting) -> None:
    async with visiting() as visit:
        turn = await visit.answered(RETURNS)
        mark, card = turn.locator(".mark").first, turn.locator(".card")
        await mark.hover()
        await expect(card).to_contain_text("The label costs 4 euros.")
        await card.hover()  # and it stays while the pointer is in it
        await asyncio.sleep(0.4)
        await expect(card.locator("a")).to_have_attribute("href", "https://shop.example/returns")
        await visit.page.mouse.move(2, 2)
        await expect(card).to_have_count(0)
        await mark.focus()
        await expect(card).to_be_visible()
        await visit.page.keyboard.press("Escape")
        await expect(card).to_have_count(0)
        await expect(mark).to_be_focused()
        await mark.click()
        await expect(mark).to_have_attribute("aria-expanded", "true")
        await visit.page.mouse.move(2, 2)
        await asyncio.sleep(0.4)
        await expect(card).to_be_visible()
        await card.get_by_role("button", name="Close").click()
        await expect(card).to_have_count(0)


async def test_a_suggestion_is_asked_by_a_click(visiting: Visiting) -> None:
    async with visiting() as visit:
        turn = await visit.answered("shipping price")
        await visit.status("Questions that you may mean")
        await turn.get_by_role("button", name="How much does shipping to Norway cost?").click()
        last = visit.page.locator(".turn").last
        await expect(last.locator(".answer")).to_contain_text("Shipping to Norway costs 12 euros")
        await expect(last.locator("h2")).to_be_focused()
        await expect(last.locator(".origin")).to_contain_text("own words")


async def test_a_declined_question_is_told_in_words_with_the_nearest_questions(visiting: Visiting) -> None:
    async with visiting() as visit:
        turn = await visit.answered("Who won the chess championship in 1972?")
        await expect(turn.locator(".answer")).to_contain_text("The FAQ does not answer this question.")
        await visit.status("The FAQ does not answer this.")
        await expect(turn.locator(".trouble")).to_have_count(0)


async def test_a_model_that_is_down_is_told_and_the_entry_shown(
    visiting: Visiting, llm: ScriptedModel
) -> None:
    async with visiting() as visit:
        llm.script = [ModelUnavailable("the model is gone")]
        turn = await visit.answered(RETURNS)
        await expect(turn.locator(".notice")).to_contain_text("The language model is not available")
        await expect(turn.locator(".answer")).to_contain_text("The label costs 4 euros.")


async def test_an_index_that_is_down_is_told_in_words_and_asked_again(
    visiting: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(faults=True) as visit:

        async def fail(*_: object, **__: object) -> None:
            raise SearchUnavailable("the search engine does not answer")

        with monkeypatch.context() as down:
            down.setattr(type(visit.service.assistant.pipeline.retrieval), "find", fail)
            turn = await visit.ask(RETURNS)
            trouble = turn.locator(".trouble")
            await expect(trouble).to_contain_text("The search is not available just now.")
            await expect(trouble).to_contain_text("the search engine does not answer")
            again = trouble.get_by_role("button")
            await expect(again).to_have_text("Try again in 5 s")
            await expect(again).to_have_attribute("aria-disabled", "true")
        await expect(again).to_have_text("Try again", timeout=8000)
        await again.click()
        await expect(visit.page.locator(".turn .answer")).to_contain_text("within 30 days")


async def test_a_failure_in_the_middle_and_a_lost_connection_are_told(
    visiting: Visiting, llm: ScriptedModel
) -> None:
    async with visiting(faults=True) as visit:
        await visit.page.context.set_offline(True)
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("You are offline.")
        await visit.page.context.set_offline(False)
        await visit.page.route("**/ask/stream", lambda route: route.abort())
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("The service cannot be reached.")
        await visit.page.unroute("**/ask/stream")
        token = f"event: token\ndata: {json.dumps({'text': 'Half an answer'})}\n\n"
        await visit.page.route(
            "**/ask/stream", lambda route: route.fulfill(content_type="text/event-stream", body=token)
        )
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".answer")).to_have_text("Half an answer")
        await expect(turn.locator(".trouble")).to_contain_text("The connection broke off")


async def test_what_was_taken_back_is_replaced(visiting: Visiting, llm: ScriptedModel) -> None:
    async with visiting() as visit:
        llm.script = [
            "You can return an order within 30 days [1]. ",
            "Shipping is free for members since 1987 [1].",
        ]
        turn = await visit.answered(RETURNS)
        await expect(turn.locator(".answer")).not_to_contain_text("1987")
        await expect(turn.locator(".notice")).to_contain_text("not all in the FAQ")


@pytest.mark.parametrize("way", ["the button", "Escape", "leaving the page"])
async def test_stopping_and_leaving_free_the_slot(visiting: Visiting, llm: ScriptedModel, way: str) -> None:
    async with visiting() as visit:
        llm.pause.clear()
        turn = await visit.ask(RETURNS)
        await expect(turn.locator(".progress")).to_contain_text("Writing")
        assert not llm.closed
        if way == "leaving the page":
            await visit.page.goto("about:blank")
        else:
            if way == "Escape":
                await visit.page.keyboard.press("Escape")
            else:
                await visit.page.get_by_role("button", name="Stop").click()
            await expect(turn.locator(".notice")).to_contain_text("Stopped")
            await expect(turn.get_by_role("button", name="Try again")).to_be_visible()
        async with asyncio.timeout(5):
            while not llm.closed:
                await asyncio.sleep(0.01)
        llm.pause.set()
        assert (await visit.service.ask(RETURNS))["origin"] == "generated"  # the only slot is free


async def test_a_follow_up_takes_the_conversation_along_and_can_be_asked_alone(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.answered("How much does shipping to Norway cost?")
        turn = await visit.answered("how long does it take?")
        await expect(turn.locator(".understood q")).to_have_text(
            "How much does shipping to Norway cost? how long does it take?"
        )
        async with visit.page.expect_request("**/ask/stream") as sent:
            await turn.get_by_role("button", name="Ask only what I typed").click()
        request = await sent.value
        assert request.post_data_json == {"question": "how long does it take?", "history": []}
        await visit.page.get_by_role("button", name="New conversation").click()
        await expect(visit.page.locator(".turn")).to_have_count(0)
        await expect(visit.page.locator("#welcome")).to_be_visible()


async def test_a_question_that_was_answered_is_answered_from_the_cache(
    visiting: Visiting, llm: ScriptedModel
) -> None:
    async with visiting(chosen={"cache_entries": 10}) as visit:
        await visit.answered(RETURNS)
        asked = len(llm.prompts)
        await visit.page.get_by_role("button", name="New conversation").click()
        await visit.answered(RETURNS)
        assert len(llm.prompts) == asked > 0


async def test_a_link_asks_its_question_in_its_collection(visiting: Visiting) -> None:
    async with visiting(
        "/?q=How+long+can+I+return+an+order%3F&collection=shop",
        permissions=["clipboard-read", "clipboard-write"],
    ) as visit:
        turn = visit.page.locator(".turn")
        await expect(turn.locator(".answer")).to_contain_text("within 30 days")
        await expect(visit.page.locator("#collection")).to_have_value("shop")
        await turn.get_by_role("button", name="Copy link").click()
        await visit.status("Copied.")
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{visit.origin}/?q=How+long+can+I+return+an+order%3F&collection=shop"
        await turn.get_by_role("button", name="Copy", exact=True).click()
        await visit.status("Copied.")
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.endswith("4 euros.\n[1] How long can I return an order? https://shop.example/returns")


async def test_the_language_stays_and_the_question_of_a_link_does_not(visiting: Visiting) -> None:
    async with visiting(
        "/?lang=de&q=shipping+price&collection=shop", permissions=["clipboard-read", "clipboard-write"]
    ) as visit:
        await visit.page.locator("button.suggestion", has_text="Norway").click()
        turn = visit.page.locator(".turn").last
        await expect(turn.locator(".answer")).to_contain_text("12 euros")
        assert visit.page.url == f"{visit.origin}/?lang=de"
        await turn.get_by_role("button", name="Link kopieren").click()
        await visit.status("Kopiert.")
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.endswith("&collection=shop&lang=de")
        await visit.answered(EXACT)
        assert visit.page.url == f"{visit.origin}/?lang=de"


async def test_long_texts_are_cut_between_characters(visiting: Visiting) -> None:
    async with visiting() as visit:
        path = await visit.page.locator("script[type=module]").get_attribute("src")
        module = f"{visit.origin}/{path}".replace("page.js", "api.js")
        cut = "async path => (await import(path)).cut('a' + '🙂'.repeat(8000))"
        assert await visit.page.evaluate(cut, module) == "a" + "🙂" * 7999


async def test_answers_leave_no_listener_on_the_document(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.page.evaluate(
            """() => {
                window.added = []
                const add = document.addEventListener
                document.addEventListener = (name, ...rest) => {
                    window.added.push(name)
                    add.call(document, name, ...rest)
                }
            }"""
        )
        turn = await visit.answered(RETURNS)
        await turn.locator(".mark").first.click()
        await expect(turn.locator(".card")).to_be_visible()
        await visit.page.locator("#question").click()
        await expect(turn.locator(".card")).to_have_count(0)
        assert await visit.page.evaluate("window.added") == []


async def test_the_chooser_searches_in_one_collection(visiting: Visiting) -> None:
    async with visiting() as visit:
        options = visit.page.locator("#collection option")
        await expect(options).to_have_text(["Everything", "arabic", "shop", "tools"])
        await visit.page.select_option("#collection", "tools")
        turn = await visit.answered(EXACT)
        await expect(turn.locator(".answer")).not_to_contain_text("30 days")


async def test_too_many_questions_are_told_with_the_wait(visiting: Visiting) -> None:
    async with visiting(chosen={"rate_limit": "1/minute"}, faults=True) as visit:
        await visit.answered(EXACT)
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("many questions in a short time")
        await expect(turn.locator(".trouble button")).to_contain_text("Try again in")
