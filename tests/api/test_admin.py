"""The API behind /admin: whom it is for, what it tells, and what it deletes."""

import csv
import io
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.api.keys import Role, add_key
from app.domain import Status
from app.errors import FeedbackUnavailable
from app.evaluation.questions import Catalogue, read_cases
from app.feedback.base import FeedbackStore, Outcome, Record, Shown, Verdict
from app.feedback.memory import MemoryFeedback
from app.indexes.memory import MemoryIndex
from app.ingest.survey import survey
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.support.app import app_of
from tests.support.app import calling as calling_app
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ

pytestmark = pytest.mark.anyio
LOCAL = {"Host": "localhost:8000"}
PATHS = ["/admin/report", "/admin/gaps.csv", "/admin/questions.csv", "/admin/questions.jsonl"]
LATE = "Is it possible to join the course at any time?"


@asynccontextmanager
async def calling(
    store: FeedbackStore | None = None, http_version: str = "1.1", **chosen: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the machine itself."""
    index, llm = MemoryIndex(FAQ), ScriptedModel(script=["Yes."], loaded=True)
    settings = Settings(**{"keep_questions": 30, **chosen})
    app = app_of(assistant_of(index, llm), index, llm, settings, store=store)
    async with calling_app(app, "127.0.0.1", http_version) as caller:
        caller.headers.update(LOCAL)
        yield caller


def outcome(
    number: int,
    question: str | None,
    status: Status = Status.NO_ANSWER,
    shown: str = "join",
    collection: str | None = None,
    cited: bool = False,
) -> Outcome:
    return Outcome(
        id=f"{number:016x}",
        request_id=f"request-{number}",
        time=time.time() - number,
        index_version="1",
        status=status,
        origin=None,
        collection=collection,
        entries=[Shown("course", shown, cited)],
        question=question,
    )


async def kept(store: FeedbackStore) -> Sequence[str]:
    return [record.outcome.request_id async for record in store.records(0.0)]


@pytest.fixture
async def store() -> FeedbackStore:
    store = MemoryFeedback()
    await store.record(
        [
            outcome(1, "Who bakes the rye bread?"),
            outcome(2, "who bakes the rye bread"),
            outcome(3, "=HYPERLINK(evil)", Status.SUGGESTED),
            outcome(4, LATE, Status.ANSWERED, cited=True),
            outcome(5, "What about <script>alert(1)</script>?", Status.ANSWERED, cited=True),
            outcome(6, None),
        ]
    )
    await store.judge(outcome(4, LATE, Status.ANSWERED, cited=True), Verdict(True, time.time()))
    await store.judge(outcome(5, None, Status.ANSWERED, cited=True), Verdict(False, time.time(), "it is not"))
    return store


@pytest.fixture
async def at_home(store: FeedbackStore) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(store) as caller:
        yield caller


# --- whom it is for ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
async def test_without_keys_it_is_open_at_the_machine_itself(host: str) -> None:
    async with calling() as caller:
        for path in PATHS:
            response = await caller.get(path, headers={"Host": host})
            assert response.status_code == 200, response.text
            assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8000"},  # made to point here: DNS rebinding
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "192.168.0.7:8000"},
        {"Host": "::1"},
        {"Host": ""},
        {"Forwarded": "for=1.2.3.4"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Anything": "x"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "1.2.3.4"},
        {"True-Client-IP": "1.2.3.4"},
        {"Client-IP": "1.2.3.4"},
    ],
)
async def test_without_keys_nobody_else_gets_in_and_the_way_is_named(
    store: FeedbackStore, headers: dict[str, str]
) -> None:
    async with calling(store) as caller:
        for method, path in [*(("GET", path) for path in PATHS), ("DELETE", "/admin/answers/request-1")]:
            response = await caller.request(method, path, headers=headers)
            assert response.status_code == 403, response.text
            assert response.json()["type"] == "/problems/forbidden"
            assert "askd keys new NAME --role owner" in response.json()["detail"]
            assert response.headers["cache-control"] == "no-store"
    assert len(await kept(store)) == 6


@pytest.mark.parametrize(
    "chosen", [{"host": "0.0.0.0"}, {"host": "::"}, {"host": "192.168.0.7"}, {"trusted_proxies": "127.0.0.1"}]
)
async def test_without_keys_nobody_gets_in_where_others_can_call(chosen: dict[str, Any]) -> None:
    async with calling(**chosen) as caller:
        response = await caller.get("/admin/report")
        assert response.status_code == 403
        assert "ASKD_API_KEYS_FILE" in response.json()["detail"]


async def test_without_keys_nobody_gets_in_through_a_proxy_that_names_nobody() -> None:
    """As nginx with a bare `proxy_pass` does, in HTTP/1.0 and with askd's own address as the host."""
    async with calling(http_version="1.0") as caller:
        assert (await caller.get("/admin/report")).status_code == 403
        assert (await caller.get("/livez")).status_code == 200


@pytest.mark.parametrize("chosen", [{"host": "localhost"}, {"host": "127.8.0.1"}, {"host": "::1"}])
async def test_any_loopback_address_will_do(chosen: dict[str, Any]) -> None:
    async with calling(**chosen) as caller:
        assert (await caller.get("/admin/report")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:9000"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("with_key", [False, True])
async def test_other_sites_pages_can_neither_read_nor_delete(
    store: FeedbackStore, tmp_path: Path, headers: dict[str, str], with_key: bool
) -> None:
    chosen: dict[str, Any] = {"cors_origins": "http://evil.example"}
    if with_key:
        headers = {**headers, "X-API-Key": add_key(tmp_path / "keys", "me", Role.OWNER)}
        chosen["api_keys_file"] = tmp_path / "keys"
    async with calling(store, **chosen) as caller:
        for method, path in (("GET", "/admin/report"), ("DELETE", "/admin/answers/request-1")):
            response = await caller.request(method, path, headers=headers)
            assert response.status_code == 403, response.text
            assert "another site" in response.json()["detail"]
    assert len(await kept(store)) == 6


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8000"},
        {"Origin": "http://localhost:8000"},
    ],
)
async def test_the_page_itself_may_delete(store: FeedbackStore, headers: dict[str, str]) -> None:
    async with calling(store) as caller:
        assert (await caller.delete("/admin/answers/request-1", headers=headers)).status_code == 200


async def test_with_keys_it_is_for_owners_wherever_they_are(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    caller_key, owner_key = add_key(file, "web"), add_key(file, "me", Role.OWNER)
    async with calling(api_keys_file=file, host="0.0.0.0") as caller:
        caller.headers["Host"] = "faq.example"
        nobody = await caller.get("/admin/report")
        wrong = await caller.get("/admin/report", headers={"X-API-Key": "askd_wrong"})
        refused = await caller.get("/admin/report", headers={"X-API-Key": caller_key})
        forbidden = await caller.delete("/admin/answers/x", headers={"X-API-Key": caller_key})
        behind = {"Authorization": f"Bearer {owner_key}", "X-Forwarded-For": "192.0.2.7"}
        assert (nobody.status_code, wrong.status_code) == (401, 401)
        assert (refused.status_code, forbidden.status_code) == (403, 403)
        assert "askd keys new NAME --role owner" in refused.json()["detail"]
        assert (await caller.get("/admin/report", headers=behind)).status_code == 200
        assert (await caller.post("/ask", json={"question": LATE}, headers=behind)).status_code == 200


async def test_it_counts_against_the_rate_limit() -> None:
    async with calling(rate_limit="2/minute") as caller:
        assert [(await caller.get("/admin/report")).status_code for _ in range(3)] == [200, 200, 429]


# --- what it tells -------------------------------------------------------------------------------


async def test_the_report_has_gaps_use_trend_and_retention(store: FeedbackStore) -> None:
    async with calling(store) as caller:
        found = (await caller.get("/admin/report?days=7")).json()

    assert found["retention"] == {"outcomes": 90, "questions": 30}
    assert found["totals"] == {
        "answered": 2,
        "suggested": 1,
        "declined": 3,
        "helpful": 1,
        "unhelpful": 1,
        "without_question": 1,
    }
    assert len(found["days"]) == 8
    assert found["since"] == found["days"][0]["date"]
    assert sum(day["declined"] for day in found["days"]) == 3
    assert sum(day["helpful"] for day in found["days"]) == 1
    rye = found["groups"][0]
    assert (rye["asked"], rye["declined"], rye["suggested"], rye["unhelpful"]) == (2, 2, 0, 0)
    [wording] = rye["wordings"]
    assert wording["requests"] == ["request-2", "request-1"]
    assert rye["nearest"]["key"] == "course/join"
    assert rye["nearest"]["question"] in {entry.question for entry in FAQ}
    assert rye["draft"] == {"question": wording["question"], "answer": "", "collection": "course"}
    assert [group["comments"] for group in found["groups"] if group["unhelpful"]] == [["it is not"]]
    [used] = found["most_used"]
    assert (used["key"], used["cited"], used["nearest"], used["unhelpful"]) == ("course/join", 2, 4, 1)
    assert "course/join" not in [entry["key"] for entry in found["never_used"]]
    assert found["never_used"]


async def test_a_collection_and_a_least_number_narrow_it(store: FeedbackStore) -> None:
    await store.record([outcome(7, "Where is it?", shown="refund", collection="other")])
    async with calling(store) as caller:
        other = (await caller.get("/admin/report?collection=other")).json()
        course = (await caller.get("/admin/report?collection=course&least=2")).json()

    assert other["totals"]["declined"] == 1
    assert other["collections"] == course["collections"] == sorted({entry.collection for entry in FAQ})
    assert [group["asked"] for group in course["groups"]] == [2]
    assert course["totals"]["declined"] == 3


async def test_the_files_hold_no_formulas_and_askd_eval_reads_them(
    store: FeedbackStore, tmp_path: Path
) -> None:
    async with calling(store) as caller:
        gaps = await caller.get("/admin/gaps.csv")
        for name in ("questions.csv", "questions.jsonl"):
            response = await caller.get(f"/admin/{name}")
            assert f'filename="{name}"' in response.headers["content-disposition"]
            (tmp_path / name).write_bytes(response.content)

    cells = [row["question"] for row in csv.DictReader(io.StringIO(gaps.text))]
    assert "'=HYPERLINK(evil)" in cells
    assert gaps.headers["content-type"] == "text/csv; charset=utf-8"
    assert gaps.headers["x-content-type-options"] == "nosniff"
    for name in ("questions.csv", "questions.jsonl"):
        cases = read_cases(tmp_path / name, Catalogue(FAQ))
        assert [case.text for case in cases if case.gold] == [LATE]
        assert len(cases) == 3


async def test_a_draft_with_its_answer_is_ingested(store: FeedbackStore, tmp_path: Path) -> None:
    async with calling(store) as caller:
        draft = (await caller.get("/admin/report")).json()["groups"][0]["draft"]
    file = tmp_path / "new.jsonl"
    file.write_text(json.dumps(draft | {"answer": "The baker does."}) + "\n")

    [entry] = survey([file], collection=None, strict=True).entries()
    assert (entry.question, entry.answer, entry.collection) == (
        draft["question"],
        "The baker does.",
        "course",
    )


async def test_a_store_that_does_not_work_is_told_in_words() -> None:
    class Broken(MemoryFeedback):
        async def records(self, since: float) -> AsyncIterator[Record]:
            raise FeedbackUnavailable("feedback cannot be stored: the disk is full")
            yield

        async def forget(self, request_id: str, now: float) -> int:
            raise FeedbackUnavailable("feedback cannot be stored: the disk is full")

    async with calling(Broken()) as caller:
        for response in (await caller.get("/admin/report"), await caller.delete("/admin/answers/x")):
            assert response.status_code == 503
            assert response.json()["type"] == "/problems/feedback-unavailable"
            assert "the disk is full" in response.json()["detail"]
            assert response.headers["cache-control"] == "no-store"


async def test_an_index_that_is_missing_is_told_and_the_rest_is_shown(store: FeedbackStore) -> None:
    index, llm = MemoryIndex(), ScriptedModel(script=["Yes."], loaded=True)
    async with calling_app(app_of(assistant_of(index, llm), index, llm, store=store), "127.0.0.1") as caller:
        found = (await caller.get("/admin/report", headers=LOCAL)).json()
    assert found["totals"]["answered"] == 2
    assert "never used" in found["notices"][0]


@pytest.mark.parametrize(
    "path",
    ["/admin/report?days=0", "/admin/report?days=9999", "/admin/report?least=0", "/admin/report?days=x"],
)
async def test_what_makes_no_sense_is_refused(path: str) -> None:
    async with calling() as caller:
        assert (await caller.get(path)).status_code == 422


@given(parameters=st.dictionaries(st.sampled_from(["days", "least", "collection", "x"]), st.text()))
@hypothesis.settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_asked_for_is_answered_or_refused(
    at_home: httpx.AsyncClient, parameters: dict[str, str]
) -> None:
    path = "/admin/gaps.csv" if "x" in parameters else "/admin/report"
    response = await at_home.get(path, params=parameters)
    assert response.status_code in (200, 422), response.text


async def test_neither_logs_nor_metrics_hold_what_was_asked(
    store: FeedbackStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="app")
    caplog.set_level("DEBUG", logger="askd.access")
    async with calling(store) as caller:
        for path in PATHS:
            assert (await caller.get(path)).status_code == 200
        await caller.delete("/admin/answers/request-1")
        metrics = (await caller.get("/metrics")).text
    assert "/admin/report" in metrics
    told = metrics + "".join(str(vars(record)) for record in caplog.records)
    assert "/admin/report" in told
    for text in ("rye", "HYPERLINK", "alert(1)"):
        assert text not in told


# --- what it deletes -----------------------------------------------------------------------------


async def test_a_request_is_forgotten_for_good(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryFeedback()
    async with calling(store) as caller:
        answer = (await caller.post("/ask", json={"question": LATE})).json()
        verdict = {"token": answer["feedback_token"], "helpful": False, "comment": "wrong"}
        assert (await caller.post("/feedback", json=verdict)).status_code == 200
        forgotten = await caller.delete(f"/admin/answers/{answer['request_id']}")
        late = await caller.post("/feedback", json=verdict)
        again = await caller.delete(f"/admin/answers/{answer['request_id']}")

    assert forgotten.json() == {"request_id": answer["request_id"], "answers": 1}
    assert late.status_code == 410
    assert "deleted" in late.json()["detail"]
    assert again.json()["answers"] == 0
    assert await kept(store) == []


async def test_an_id_that_no_request_has_is_refused() -> None:
    async with calling() as caller:
        assert (await caller.delete(f"/admin/answers/{'x' * 129}")).status_code == 422


# --- the page ------------------------------------------------------------------------------------


async def test_the_page_is_guarded_as_its_api_and_holds_nothing(store: FeedbackStore, tmp_path: Path) -> None:
    add_key(tmp_path / "keys", "me", Role.OWNER)
    async with calling(store) as caller:
        page = await caller.get("/admin")
        elsewhere = await caller.get("/admin", headers={"Host": "evil.example"})
    async with calling(store, api_keys_file=tmp_path / "keys", host="0.0.0.0") as caller:
        with_keys = await caller.get("/admin", headers={"Host": "faq.example", "Via": "1.1 proxy"})

    assert (page.status_code, elsewhere.status_code, with_keys.status_code) == (200, 403, 200)
    assert elsewhere.json()["type"] == "/problems/forbidden"
    assert page.content == with_keys.content
    assert "rye" not in page.text
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'" in policy


async def test_the_page_is_switched_off_with_the_other() -> None:
    async with calling(page=False) as caller:
        assert (await caller.get("/admin")).status_code == 404
        assert (await caller.get("/admin/report")).status_code == 200
