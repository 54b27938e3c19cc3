"""The page for owners over a week of questions: in Chromium, as an owner uses it."""

import csv
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from app.api.keys import Role, add_key
from app.evaluation.questions import Catalogue, read_cases
from app.ingest.survey import survey
from app.main import create_app
from app.settings import Settings
from tests.browser.conftest import SHOP
from tests.browser.owners_week import HOSTILE, fill
from tests.browser.test_appearance import WAYS, violations
from tests.browser.visit import Visit, Visiting
from tests.live.serving import Chosen
from tests.support.served import served

pytestmark = pytest.mark.anyio
READY = "#gaps-title"
KEY_FORM = "#key input"


@pytest.fixture(scope="module")
async def shop_week(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return await fill(tmp_path_factory.mktemp("week"))


@pytest.fixture
def admin(visiting: Visiting, shop_week: Settings) -> Visiting:
    """Opens /admin over the week."""

    def visit(chosen: Chosen | None = None, **options: Any) -> AbstractAsyncContextManager[Visit]:
        kept = {"data_dir": shop_week.data_dir, "keep_questions": 30}
        return visiting("/admin", {**kept, **(chosen or {})}, **{"ready": READY, **options})

    return visit


async def saved(page: Page, button: str, folder: Path) -> Path:
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name=button).first.click()
    download = await waiting.value
    file = folder / download.suggested_filename
    await download.save_as(file)
    return file


async def test_an_owner_sees_gaps_use_and_the_trend(admin: Visiting) -> None:
    async with admin() as visit:
        page = visit.page
        totals = await page.locator(".totals b").all_inner_texts()
        assert sum(map(int, totals[:3])) == 612
        await expect(page.locator("#report")).to_contain_text(
            "kept for 30 days, outcomes and verdicts for 90"
        )
        assert 10 < await page.locator(".gap").count() <= 20
        await expect(page.locator(".gap .note").first).to_contain_text("declined")
        await expect(page.locator("svg[role=img]")).to_have_count(2)
        assert await page.locator("svg rect.declined").count() >= 7
        await expect(page.get_by_role("img", name="Questions by day")).to_be_visible()
        await page.locator("summary", has_text="as a table").click()
        rows = page.locator("#days-title ~ details tbody tr")
        await expect(rows).to_have_count(31)
        await expect(page.locator("#entries-title ~ .table").first).to_contain_text("shop/returns")
        await page.locator("summary", has_text="No answer rested on").click()
        await expect(page.locator("#entries-title ~ details").last).to_contain_text("shop/shipping")


async def test_period_collection_and_least_number_narrow_it(admin: Visiting) -> None:
    async with admin() as visit:
        page = visit.page
        everything = await page.locator(".totals b").first.inner_text()
        await page.get_by_label("Collection").select_option("tools")
        await expect(page.locator(".totals b").first).not_to_have_text(everything)
        await page.get_by_label("Period").select_option("7")
        await page.locator("summary", has_text="as a table").click()
        await expect(page.locator("#days-title ~ details tbody tr")).to_have_count(8)
        groups = page.locator(".gap")
        before = await groups.count()
        await page.get_by_label("Gaps asked").select_option("5")
        await expect(groups.nth(before - 1)).to_be_hidden()
        assert "collection=tools" in visit.requests[-1]


async def test_the_files_are_saved_and_askd_eval_reads_the_questions(admin: Visiting, tmp_path: Path) -> None:
    async with admin(accept_downloads=True) as visit:
        gaps = await saved(visit.page, "Gaps as a table", tmp_path)
        table = await saved(visit.page, "(CSV)", tmp_path)
        cases = await saved(visit.page, "(JSONL)", tmp_path)
        questions = await saved(visit.page, "askd eval (CSV)", tmp_path)
        assert table.name == gaps.name == "gaps.csv"
    with gaps.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) > 50
    catalogue = Catalogue(survey([SHOP], collection=None, strict=True).entries())
    for read in (read_cases(cases, catalogue), read_cases(questions, catalogue)):
        assert len(read) > 50
        assert any(case.gold for case in read)


async def test_an_entry_is_written_from_a_group_and_can_be_ingested(admin: Visiting, tmp_path: Path) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    async with admin(accept_downloads=True, permissions=allowed) as visit:
        group = visit.page.locator(".gap").nth(1)
        title = await group.locator("h3").inner_text()
        await group.get_by_role("button", name="Write an entry").click()
        answer = group.get_by_label("Answer")
        await expect(answer).to_be_focused()
        await group.get_by_role("button", name="Copy the line").click()
        await visit.status("Write the answer first.")
        await answer.fill('Yes: "both" of them.\nAsk us.')
        await expect(group.locator("pre")).to_contain_text("\\nAsk us.")
        await group.get_by_role("button", name="Copy the line").click()
        await visit.status("Copied.")
        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        file = await saved(visit.page, "Save as new-entry.jsonl", tmp_path)
    assert file.read_text(encoding="utf-8") == copied
    [entry] = survey([file], collection=None, strict=True).entries()
    assert (entry.question, entry.collection) == (title, "shop")
    assert entry.answer == 'Yes: "both" of them.\nAsk us.'
    assert json.loads(copied)["question"] == title


async def test_what_is_kept_of_a_request_is_deleted(visiting: Visiting, tmp_path: Path) -> None:
    settings = await fill(tmp_path, 60)
    kept: Chosen = {"data_dir": settings.data_dir, "keep_questions": 30}
    async with visiting("/admin", kept, ready=READY) as visit:
        page = visit.page
        total = page.locator(".totals b").nth(2)
        before = int(await total.inner_text())
        group = page.locator(".gap", has_text="alert(1)")
        await group.locator("summary", has_text="Wordings").click()
        await group.locator("summary", has_text="Requests (12)").click()
        first = group.locator(".requests li").first
        await first.get_by_role("button").click()
        await expect(first).to_contain_text("Delete for good")
        await first.get_by_role("button").click()
        await expect(first).to_contain_text("Deleted: 1.")
        await expect(first).to_be_focused()
        await page.get_by_label("Request id").fill("request-61")
        await page.get_by_role("button", name="Delete", exact=True).last.click()
        await visit.status("Deleted: 1 of request request-61.")
        await page.get_by_label("Request id").fill("unknown")
        await page.keyboard.press("Enter")
        await visit.status("Nothing is kept of request unknown.")
        await page.reload()
        await expect(total).to_have_text(str(before - 2))


async def test_what_is_stored_stays_text(admin: Visiting) -> None:
    async with admin() as visit:
        page = visit.page
        group = page.locator(".gap", has_text="alert(1)")
        shown = HOSTILE.replace("\u202e", "\ufffd").replace("\u202c", "\ufffd").replace("\x1b", "\ufffd")
        await expect(group.locator("h3")).to_have_text(shown)
        await expect(group.locator("blockquote")).to_have_text(shown)
        await group.get_by_role("button", name="Write an entry").click()
        question = await group.get_by_label("Question").input_value()
        assert not {"\x1b", "\u202e"} & set(question)
        assert "<script>" in question
        assert await page.locator("#report script, #report img, #report a[href^=javascript]").count() == 0


# --- keys ----------------------------------------------------------------------------------------


async def test_a_key_is_asked_for_told_to_be_wrong_and_kept_for_the_tab(
    admin: Visiting, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    caller, owner = add_key(file, "web"), add_key(file, "me", Role.OWNER)
    async with admin({"api_keys_file": file}, ready=KEY_FORM, faults=True) as visit:
        page, form, field = visit.page, visit.page.locator("#key"), visit.page.locator(KEY_FORM)
        await expect(field).to_be_focused()
        await expect(form).to_contain_text("askd keys new NAME --role owner")
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await expect(form).to_contain_text("This key is not known.")
        await field.fill(caller)
        await page.keyboard.press("Enter")
        await expect(form).to_contain_text("This is no owner’s key")
        await field.fill(owner)
        await page.keyboard.press("Enter")
        await expect(page.locator(READY)).to_be_visible()
        await expect(form).to_be_hidden()
        await page.reload()
        await expect(page.locator(READY)).to_be_visible()
        assert await page.evaluate("document.cookie + localStorage.length") == "0"
        assert owner not in "".join([page.url, *visit.requests])


# --- for everybody -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [way for way in WAYS if way != "right-to-left"])
async def test_axe_finds_nothing_on_the_page_for_owners(admin: Visiting, way: str) -> None:
    async with admin(**WAYS[way]) as visit:
        page = visit.page
        assert await violations(visit) == []
        for name in ("as a table", "Wordings", "No answer rested on"):
            await page.locator("summary", has_text=name).first.click()
        await page.get_by_role("button", name="Write an entry").first.click()
        assert await violations(visit) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("way", ["light", "dark"])
async def test_axe_finds_nothing_in_the_form_for_an_owners_key(
    admin: Visiting, tmp_path: Path, way: str
) -> None:
    (tmp_path / "keys").write_text("")
    chosen: Chosen = {"api_keys_file": tmp_path / "keys"}
    async with admin(chosen, ready=KEY_FORM, faults=True, **WAYS[way]) as visit:
        assert await violations(visit) == []


async def test_the_keyboard_is_enough(admin: Visiting) -> None:
    async with admin() as visit:
        page = visit.page
        await page.locator("#least").focus()
        seen = []
        for _ in range(30):
            await page.keyboard.press("Tab")
            name = await page.evaluate("document.activeElement.textContent")
            seen.append(name)
            if name == "Write an entry":
                break
        assert seen[:4] == ["Gaps", "Entries", "Files", "Delete a request"]
        await page.keyboard.press("Enter")
        await page.keyboard.type("An answer, typed.")
        await expect(page.locator(".gap pre").first).to_contain_text("An answer, typed.")
        for _ in range(3):  # past the collection, the line, the first button
            await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Copy the line"


async def test_without_questions_there_are_counts_and_a_sentence(visiting: Visiting, tmp_path: Path) -> None:
    settings = await fill(tmp_path, 60)
    async with visiting("/admin", {"data_dir": settings.data_dir}, ready=READY) as visit:
        await expect(visit.page.locator(".notice")).to_contain_text("ASKD_KEEP_QUESTIONS")
        await expect(visit.page.locator(".gap")).to_have_count(0)
        await expect(visit.page.locator("#entries-title ~ .table").first).to_contain_text("shop/returns")
        await expect(visit.page.locator("#report")).to_contain_text("questions and comments not at all")


async def test_a_store_that_does_not_work_is_told(visiting: Visiting, tmp_path: Path) -> None:
    settings = await fill(tmp_path, 20)
    damaged = settings.feedback_dir / "feedback.sqlite3"
    for file in settings.feedback_dir.glob("feedback.sqlite3*"):
        file.unlink()
    damaged.write_bytes(b"no database at all" * 100)
    chosen: Chosen = {"data_dir": settings.data_dir}
    async with visiting("/admin", chosen, ready=".trouble", faults=True) as visit:
        await expect(visit.page.locator(".trouble")).to_contain_text("its file is damaged")
        damaged.unlink()
        await visit.page.get_by_role("button", name="Try again").click()
        await expect(visit.page.locator(READY)).to_be_visible()


async def test_it_works_under_a_path_prefix_with_a_slash_at_its_end(
    shop_week: Settings, browser: Browser
) -> None:
    app = create_app(shop_week)
    async with app.router.lifespan_context(app) as state:

        async def started(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        async with served(Starlette(routes=[Mount("/help", started)])) as client:
            page = await browser.new_page()
            await page.goto(f"{str(client.base_url).rstrip('/')}/help/admin/")
            await expect(page.locator(READY)).to_be_visible()
            assert page.url.endswith("/help/admin")
            await page.close()


async def test_the_address_with_a_slash_leads_to_the_page(visiting: Visiting) -> None:
    async with visiting("/admin/", ready=READY) as visit:
        assert visit.page.url == f"{visit.origin}/admin"
