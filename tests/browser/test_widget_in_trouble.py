"""The widget where something is wrong: with the page around it, the service, or what the service says."""

import pytest
from playwright.async_api import expect

from app.errors import ModelUnavailable
from app.models.scripted import ScriptedModel
from tests.browser.hostile import ENTRY
from tests.browser.site import SHOP_WIDGET, AtSite
from tests.browser.visit import RETURNS
from tests.live.serving import Chosen

pytestmark = pytest.mark.anyio
EXACT = "How long can I return an order?"


async def test_a_site_that_may_not_ask_is_told_who_can_allow_it(at: AtSite) -> None:
    async with at(allowed=False) as visit:
        await visit.widget.locator(".launcher").click()
        trouble = visit.widget.locator(".trouble")
        await expect(trouble).to_contain_text(f"has to allow {visit.site} (ASKD_CORS_ORIGINS)")
        await visit.status("This site may not ask here.")
        await expect(visit.widget.locator(".composer")).to_have_count(0)
        assert not [url for url in visit.requests if url.endswith("/ask/stream")]
        assert await visit.violations() == []
        await visit.page.keyboard.press("Escape")
        await expect(visit.widget.locator("dialog")).to_be_hidden()


async def test_a_policy_of_the_page_that_blocks_it_is_told(at: AtSite) -> None:
    policy = "default-src 'none'; script-src {askd} 'self'; style-src 'self'"  # without connect-src
    async with at(policy=policy, faults=True) as visit:
        await visit.widget.locator(".launcher").click()
        trouble = visit.widget.locator(".trouble")
        await expect(trouble).to_contain_text("(Content-Security-Policy) has to allow " + visit.origin)


async def test_it_runs_under_a_policy_of_nonces(at: AtSite) -> None:
    policy = (
        "script-src 'nonce-r4nd0m' 'strict-dynamic'; object-src 'none'; img-src 'none'; style-src 'self'; "
        "connect-src {askd}; require-trusted-types-for 'script'"
    )
    async with at({**SHOP_WIDGET, "nonce": "r4nd0m"}, policy=policy, faults=True) as visit:
        await visit.open()
        await expect((await visit.answered(EXACT)).locator(".answer")).to_contain_text("within 30 days")
        blocked = [text for text in visit.complaints if "site.js" not in text]  # the page's own has no nonce
        assert blocked == []


async def test_a_service_that_is_down_is_told_and_tried_again(at: AtSite) -> None:
    async with at(faults=True) as visit:
        await visit.page.route("**/widget.json*", lambda route: route.abort())
        await visit.widget.locator(".launcher").click()
        await expect(visit.widget.locator(".trouble")).to_contain_text("cannot be loaded")
        await visit.status("cannot be loaded")
        assert await visit.violations() == []
        await visit.page.unroute("**/widget.json*")
        await visit.widget.get_by_role("button", name="Try again").click()
        await expect(visit.widget.locator(".composer textarea")).to_be_focused()
        await visit.page.route("**/ask/stream", lambda route: route.abort())
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("The service cannot be reached.")
        await visit.page.unroute("**/ask/stream")
        await turn.get_by_role("button", name="Try again").click()
        await expect(visit.widget.locator(".turn .answer")).to_contain_text("within 30 days")


async def test_a_model_that_is_down_is_told_and_the_entry_shown(at: AtSite, llm: ScriptedModel) -> None:
    async with at() as visit:
        await visit.open()
        llm.script = [ModelUnavailable("the model is gone")]
        turn = await visit.answered(RETURNS)
        await expect(turn.locator(".notice")).to_contain_text("The language model is not available")
        await expect(turn.locator(".answer")).to_contain_text("The label costs 4 euros.")


async def test_too_many_questions_are_told_with_the_wait(at: AtSite) -> None:
    async with at(chosen={"rate_limit": "1/minute"}, faults=True) as visit:
        await visit.open()
        await visit.answered(EXACT)
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text("many questions in a short time")
        await expect(turn.locator(".trouble button")).to_contain_text("Try again in")


@pytest.mark.parametrize(
    ("collection", "told"),
    [
        ("secret", "This may not be asked here."),
        ("", "This may not be asked here."),
        ("gone", "no collection 'gone'"),
    ],
)
async def test_a_collection_that_is_not_public_or_not_there_is_told(
    at: AtSite, collection: str, told: str
) -> None:
    async with at({"data-collection": collection}, faults=True) as visit:
        await visit.open()
        turn = await visit.ask(EXACT)
        await expect(turn.locator(".trouble")).to_contain_text(told)


async def test_what_means_harm_in_an_entry_stays_text(at: AtSite, hostile: Chosen) -> None:
    async with at({"data-collection": "hostile"}, chosen=hostile) as visit:
        await visit.open()
        turn = await visit.answered(ENTRY.question)
        for number in range(2, 10):
            await expect(turn.locator(".answer")).to_contain_text(f"alert({number})")
        await turn.locator("summary").first.click()
        links = await turn.locator("a").evaluate_all("nodes => nodes.map(node => node.href)")
        assert set(links) == {"https://evil.example/pixel.png"}  # to click on; nothing loads it
        assert await turn.locator("img, script, iframe, object, svg, style").count() == 0
        assert "evil.example" not in "".join(visit.requests)


async def test_what_means_harm_in_an_attribute_stays_text(at: AtSite) -> None:
    harm = "</script><img src=x onerror=alert(1)>"
    widget = {**SHOP_WIDGET, "data-title": harm, "data-greeting": harm, "data-label": harm}
    async with at(
        {**widget, "data-color": "red } * { display: none", "data-language": "constructor"}
    ) as visit:
        await expect(visit.widget.locator(".launcher")).to_have_text(harm)
        await visit.open()
        await expect(visit.widget.locator("header h2")).to_have_text(harm)
        await expect(visit.widget.locator(".welcome h2")).to_have_text(harm)
        assert await visit.widget.locator("img, script").count() == 0


async def test_any_colour_of_the_page_can_be_read(at: AtSite) -> None:
    """In its button and as text, in light and in dark: WCAG's contrast of 4.5, as the browser paints it."""
    measured = """(colours) => {
        const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
        const luminance = colour => {
            paint.fillStyle = colour
            paint.fillRect(0, 0, 1, 1)
            const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
                .map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
            return .2126 * r + .7152 * g + .0722 * b
        }
        const contrast = (one, other) => {
            const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b)
            return (more + .05) / (less + .05)
        }
        const worst = [21, 21]
        for (const colour of colours) {
            worst[0] = Math.min(worst[0], contrast(`oklch(from ${colour} min(l, .48) c h)`, '#ffffff'))
            worst[1] = Math.min(worst[1], contrast(`oklch(from ${colour} max(l, .78) c h)`, '#14171c'))
        }
        return worst
    }"""
    colours = [
        f"#{r:02x}{g:02x}{b:02x}"
        for r in range(0, 256, 51)
        for g in range(0, 256, 51)
        for b in range(0, 256, 51)
    ]
    async with at() as visit:
        script = (await visit.service.client.get("/widget.js")).text
        for rule in ("oklch(from ${color} min(l, .48) c h)", "oklch(from ${color} max(l, .78) c h)"):
            assert rule in script
        assert min(await visit.page.evaluate(measured, colours)) >= 4.5
