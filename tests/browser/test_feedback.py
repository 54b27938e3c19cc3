"""Verdicts on answers, given at the page."""

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.visit import RETURNS, Visiting

pytestmark = pytest.mark.anyio


async def verdicts(page: Page) -> list[dict[str, object]]:
    """What is sent from now on, without its token."""
    sent: list[dict[str, object]] = []

    async def note(route: Route) -> None:
        body = route.request.post_data_json
        assert isinstance(body, dict)
        assert body.pop("token")
        sent.append(body)
        await route.continue_()

    await page.route("**/feedback", note)
    return sent


async def test_an_answer_takes_a_verdict_and_no_comment_where_none_is_kept(visiting: Visiting) -> None:
    async with visiting() as visit:
        await expect(visit.page.locator("#welcome")).not_to_contain_text("days")
        sent = await verdicts(visit.page)
        turn = await visit.answered(RETURNS)
        yes = turn.get_by_role("group", name="Did this help?").get_by_role("button", name="Yes")
        await yes.click()
        await visit.status("Thank you.")
        await expect(yes).to_have_attribute("aria-pressed", "true")
        await turn.get_by_role("button", name="No", exact=True).click()
        await expect(yes).to_have_attribute("aria-pressed", "false")
        await expect(turn.locator("form.comment")).to_be_hidden()
        assert sent == [{"helpful": True}, {"helpful": False}]


async def test_a_comment_is_taken_where_the_page_says_that_it_is_kept(visiting: Visiting) -> None:
    async with visiting(chosen={"keep_questions": 30}) as visit:
        await expect(visit.page.locator("#welcome")).to_contain_text("kept for 30 days")
        sent = await verdicts(visit.page)
        turn = await visit.answered("Who won the chess championship in 1972?")
        await turn.get_by_role("button", name="No", exact=True).click()
        box = turn.get_by_label("What was missing or wrong?")
        await expect(box).to_be_focused()
        await box.fill("  an entry about chess ")
        await turn.get_by_role("button", name="Send").click()
        await expect(turn.locator("form.comment")).to_be_hidden()
        assert sent == [{"helpful": False}, {"helpful": False, "comment": "an entry about chess"}]


async def test_the_comment_stays_with_whatever_verdict_follows(visiting: Visiting) -> None:
    async with visiting(chosen={"keep_questions": 30}) as visit:
        sent = await verdicts(visit.page)
        turn = await visit.answered(RETURNS)
        yes, no = [turn.get_by_role("button", name=name, exact=True) for name in ("Yes", "No")]
        await no.dblclick()
        await turn.get_by_label("What was missing or wrong?").fill("the price")
        await turn.get_by_role("button", name="Send").click()
        await expect(turn.locator("form.comment")).to_be_hidden()
        await no.click()
        await expect(turn.locator("form.comment")).to_be_visible()  # to change it; nothing is sent
        await yes.click()
        await expect(yes).to_have_attribute("aria-pressed", "true")
        comment = {"comment": "the price"}
        assert sent == [{"helpful": False}, {"helpful": False, **comment}, {"helpful": True, **comment}]


async def test_a_verdict_that_is_not_stored_is_told_in_words(visiting: Visiting) -> None:
    async with visiting(faults=True) as visit:
        turn = await visit.answered(RETURNS)
        problem = '{"type": "/problems/feedback-unavailable", "detail": "the disk is full"}'
        await visit.page.route("**/feedback", lambda route: route.fulfill(status=503, body=problem))
        yes = turn.get_by_role("button", name="Yes")
        await yes.click()
        await visit.status("Feedback cannot be stored just now.")
        await expect(yes).to_have_attribute("aria-pressed", "false")
