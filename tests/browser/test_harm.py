"""Content that means harm: the page shows it as text, whatever it is and wherever it comes from."""

import json
from random import Random

import pytest
from playwright.async_api import expect

from app.models.scripted import ScriptedModel
from tests.browser.hostile import ENTRY, IMAGE
from tests.browser.visit import Visiting
from tests.live.serving import Chosen

pytestmark = pytest.mark.anyio

PIECES = [
    *(
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "`",
        "```",
        "*",
        "**",
        "_",
        "!",
        "|",
        "---",
        "#",
        "\\",
        "\n",
        "\n\n",
        " ",
        "> ",
    ),
    *(
        "- ",
        "1. ",
        "javascript:alert(1)",
        "https://a.example/?<b>",
        "data:text/html,x",
        "mailto:a@a.example",
        "[1]",
    ),
    *(
        "[2, 1]",
        "<script>",
        "onerror=",
        "<img src=x onerror=alert(1)>",
        "word",
        "كلمة",
        "\u202e",
        "&lt;",
        "\t",
        "//a",
    ),
]
# What rendering a text makes: the kinds of elements, the schemes of links, and attributes nobody should see.
RENDER = """async ([path, texts]) => {
    const { nodes } = await import(path)
    const tags = new Set(), schemes = new Set(), handlers = new Set()
    let slowest = 0
    for (const text of texts) {
        const place = document.createElement('div')
        const began = performance.now()
        const cite = number => number === 1 ? document.createElement('button') : null
        place.append(...nodes(text, { cite }))
        slowest = Math.max(slowest, performance.now() - began)
        for (const node of place.querySelectorAll('*')) {
            tags.add(node.localName)
            if (node.href) schemes.add(new URL(node.href).protocol)
            for (const name of node.getAttributeNames()) handlers.add(name)
        }
    }
    return { tags: [...tags], schemes: [...schemes], attributes: [...handlers], slowest }
}"""
TAGS = {
    *("a", "blockquote", "br", "button", "code", "div", "em", "li", "ol", "p", "pre", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}


async def test_what_means_harm_in_an_entry_stays_text(visiting: Visiting, hostile: Chosen) -> None:
    async with visiting(chosen=hostile) as visit:
        turn = await visit.answered(ENTRY.question)
        answer = turn.locator(".answer")
        for number in range(2, 10):
            await expect(answer).to_contain_text(f"alert({number})")
        await turn.locator("summary").first.click()
        await expect(turn.locator(".entries .place").first).to_contain_text(IMAGE)
        links = await turn.locator("a").evaluate_all("nodes => nodes.map(node => node.href)")
        assert set(links) == {"https://evil.example/pixel.png"}  # to click on; nothing loads it
        assert await turn.locator("img, script, iframe, object, svg, style").count() == 0
        assert "evil.example" not in "".join(visit.requests)


async def test_what_means_harm_in_a_question_and_in_the_settings_stays_text(visiting: Visiting) -> None:
    harm = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    chosen: Chosen = {"page_greeting": harm, "page_examples": harm, "page_name": harm[:60]}
    async with visiting(chosen=chosen) as visit:
        await expect(visit.page.locator("#welcome h2")).to_have_text(harm)
        await expect(visit.page.locator("button.suggestion")).to_have_text(harm)
        turn = await visit.answered(harm)
        await expect(turn.locator("h2")).to_have_text(harm)


async def test_what_means_harm_in_an_answer_stays_text(visiting: Visiting, llm: ScriptedModel) -> None:
    async with visiting() as visit:
        body = f"event: token\ndata: {json.dumps({'text': ENTRY.answer})}\n\n"
        await visit.page.route(
            "**/ask/stream", lambda route: route.fulfill(content_type="text/event-stream", body=body)
        )
        turn = await visit.answered("anything")
        await expect(turn.locator(".answer")).to_contain_text("alert(9)")
        assert await turn.locator("img, script, iframe, object, svg, style").count() == 0


async def test_any_text_makes_only_harmless_elements_and_none_hangs(visiting: Visiting) -> None:
    random = Random(15)
    texts = ["".join(random.choices(PIECES, k=random.randrange(1, 40))) for _ in range(10_000)]
    hard = [piece * 5000 for piece in PIECES] + [
        "[" * 5000 + "](" * 5000,
        "*a " * 5000,
        "_a" * 5000,
        "> " * 5000 + "x",
    ]
    hard += [
        "- a\n" * 5000,
        "".join(f"{'  ' * depth}- a\n" for depth in range(500)),
        "a  \n" * 5000,
        "|a" * 5000,
    ]
    async with visiting() as visit:
        path = await visit.page.locator("script[type=module]").get_attribute("src")
        module = f"{visit.origin}/{path}".replace("page.js", "markdown.js")
        made = await visit.page.evaluate(RENDER, [module, texts + hard])
        assert set(made["tags"]) <= TAGS
        assert set(made["schemes"]) <= {"http:", "https:", "mailto:"}
        assert set(made["attributes"]) <= {"href", "target", "rel", "dir", "class", "start", "tabindex"}
        assert made["slowest"] < 2000  # milliseconds, for 5,000 pieces on a busy machine


N = 100_000
LONG = {
    "a rule": "a|b\n" + "-" * N + "x|",
    "a rule of hyphens and spaces": "a|b\n" + "- " * (N // 2) + "x|",
    "a heading of spaces": "# " + " " * N + "x",
    "a heading of closing signs": "# a " + "#" * N + "x",
    "a row of spaces": " " * N + "x",
    "a row of pipes": "|" * N,
    "an item of spaces": "- " + " " * N + "\u2028x",
    "spaces in a paragraph": "x" + " " * N + "x",
    "spaces at the end of a line": "x" + " " * N + "\nx",
    "backticks": "a" + "`" * N + "b",
    "dots in addresses": ("https://" + "." * 1900 + "a ") * (N // 1900),
}


async def test_a_line_of_100_000_characters_of_any_kind_is_rendered_within_a_second(
    visiting: Visiting,
) -> None:
    async with visiting() as visit:
        path = await visit.page.locator("script[type=module]").get_attribute("src")
        module = f"{visit.origin}/{path}".replace("page.js", "markdown.js")
        slow = {}
        for kind, text in LONG.items():
            made = await visit.page.evaluate(RENDER, [module, [text]])
            if made["slowest"] > 1000:  # milliseconds
                slow[kind] = made["slowest"]
        assert slow == {}


# Reads a stream cut into pieces of `size` bytes, whatever their content.
READ = """async ([path, text, size]) => {
    const { events } = await import(path)
    const bytes = new TextEncoder().encode(text)
    const stream = new ReadableStream({ start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size))
        controller.close()
    } })
    const found = []
    for await (const { event, data } of events(stream)) found.push([event, data])
    return found
}"""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_events_are_read_however_the_network_cuts_them(visiting: Visiting, end: str) -> None:
    sent = [
        ["sources", {"sources": []}],
        ["token", {"text": "Größe: 10 € 🙂\\n\u2028\u2029"}],
        ["done", {"a": [1, None]}],
    ]
    lines = [": still here", "", "retry: 5", ""]
    for number, (name, data) in enumerate(sent):
        several = json.dumps(data, ensure_ascii=False, indent=1).split("\n")
        lines += [f"event: {name}", f"id:{number}", *(f"data: {part}" for part in several), "", ""]
    async with visiting() as visit:
        path = await visit.page.locator("script[type=module]").get_attribute("src")
        module = f"{visit.origin}/{path}".replace("page.js", "api.js")
        for size in (1, 2, 3, 7, 1000):
            assert await visit.page.evaluate(READ, [module, end.join(lines) + end, size]) == sent
