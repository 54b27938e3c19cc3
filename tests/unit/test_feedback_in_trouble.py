"""Outcomes and verdicts, where the store works and where it does not: the real SQLite, in trouble."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

from app.domain import Question
from app.errors import BadSettings, FeedbackUnavailable
from app.feedback import recorder
from app.feedback.base import Outcome, Record, Verdict
from app.feedback.memory import MemoryFeedback
from app.feedback.recorder import Recorder, Retention
from app.feedback.secret import installation_secret
from app.feedback.sqlite import SqliteFeedback
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.settings import Settings
from app.wiring import open_askd
from tests.contract.test_feedback_store import outcome
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ
from tests.support.feedback import feedback_of

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}
KEEPING = Settings(keep_questions=30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback" / "feedback.sqlite3"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[SqliteFeedback]:
    store = SqliteFeedback(file)
    yield store
    await store.close()


async def kept(store: SqliteFeedback | MemoryFeedback) -> list[Record]:
    return [record async for record in store.records(0.0)]


def service(
    store: SqliteFeedback, settings: Settings | None = None
) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    index, llm = MemoryIndex(FAQ), ScriptedModel(script=["Yes, you can join at any time."], loaded=True)
    return calling(app_of(assistant_of(index, llm), index, llm, settings, store=store))


# --- what the store cannot do never touches an answer -------------------------------------------------


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Another process holds the file."""
    hold = f"""
import sqlite3
db = sqlite3.connect({str(file)!r}, isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
input()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    assert await process.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        process.stdin.close()
        await process.wait()


async def test_a_locked_file_delays_no_answer_and_refuses_verdicts(store: SqliteFeedback, file: Path) -> None:
    async with service(store) as client:
        await client.post("/ask", json=LATE)
        await asyncio.sleep(1.0)
        async with locked(file):
            began = time.monotonic()
            response = await client.post("/ask", json=LATE)
            took = time.monotonic() - began
            verdict = {"token": response.json()["feedback_token"], "helpful": True}
            refused = await client.post("/feedback", json=verdict)
            ready = (await client.get("/readyz")).json()
        accepted = await client.post("/feedback", json=verdict)
        await asyncio.sleep(1.1)  # a report of /readyz is kept for a second
        assert (await client.get("/readyz")).json()["degraded"] == []

    assert response.status_code == 200
    assert took < 1.0
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/feedback-unavailable"
    assert "another process is writing" in refused.json()["detail"]
    assert str(file.parent) not in refused.text
    assert ready["ready"] is True
    assert ready["degraded"] == ["feedback cannot be stored: another process is writing; try again"]
    assert accepted.status_code == 200


@pytest.mark.parametrize("broken", ["a file in place of the folder", "a damaged file", "a newer file"])
async def test_a_store_that_cannot_be_opened_costs_no_answer(
    store: SqliteFeedback, file: Path, broken: str
) -> None:
    if broken == "a file in place of the folder":
        file.parent.write_text("not a folder")
    else:
        file.parent.mkdir()
        if broken == "a damaged file":
            damage(file)
        else:
            with sqlite3.connect(file) as db:
                db.execute("PRAGMA user_version = 99")
            db.close()
    async with service(store) as client:
        response = await client.post("/ask", json=LATE)
        assert response.status_code == 200
        refused = await client.post(
            "/feedback", json={"token": response.json()["feedback_token"], "helpful": True}
        )
        (told,) = (await client.get("/readyz")).json()["degraded"]

    assert refused.status_code == 503
    assert refused.json()["detail"] == told
    assert str(file.parent) not in told


def damage(file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)


async def test_a_full_disk_costs_no_answer(store: SqliteFeedback, file: Path) -> None:
    await store.record([])  # opens it

    def fill(db: sqlite3.Connection) -> None:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own words for a full disk

    await store.run(fill)
    async with service(store, KEEPING) as client:
        refused = None
        for _ in range(60):
            response = await client.post("/ask", json=LATE)
            assert response.status_code == 200
            verdict = {"token": response.json()["feedback_token"], "helpful": True, "comment": "x" * 900}
            taken = await client.post("/feedback", json=verdict)
            refused = taken if taken.status_code == 503 else refused

    assert refused is not None
    assert "the disk is full" in refused.json()["detail"]


async def test_what_there_is_no_room_for_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_ROOM", 3)
    dropped: list[int] = []
    recording = Recorder(MemoryFeedback(), Retention(90, 0), dropped.append)
    for number in range(5):
        recording.put(outcome(number))
    assert sum(dropped) == 2

    await recording.finish()
    assert len(await kept(recording.store)) == 3  # type: ignore[arg-type]


class Away(MemoryFeedback):
    """A store that is away until it comes back."""

    away = True

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        if self.away:
            raise FeedbackUnavailable("feedback cannot be stored: it is away")
        await super().record(outcomes)


async def test_what_waited_is_recorded_once_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_PAUSE", 0.05)
    monkeypatch.setattr(recorder, "_GATHERING", 0.01)
    store = Away()
    feedback = feedback_of(store)
    answer = await assistant_of(MemoryIndex(FAQ), ScriptedModel(script=["Yes."])).ask(
        Question(LATE["question"])
    )
    async with feedback.running():
        feedback.answered(answer, Question(LATE["question"]), "one")
        await asyncio.sleep(0.2)
        assert feedback.trouble == "feedback cannot be stored: it is away"
        store.away = False
        await asyncio.sleep(0.2)
        assert feedback.trouble is None
        assert len(await kept(store)) == 1


async def test_what_cannot_be_written_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, store: SqliteFeedback, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "_PAUSE", 0.05)
    monkeypatch.setattr(recorder, "_GATHERING", 0.01)
    dropped: list[int] = []
    recording = Recorder(store, Retention(90, 30), dropped.append)
    running = asyncio.create_task(recording.run())
    recording.put(outcome(1, "\ud800"))  # no text at all: SQLite takes none such
    await asyncio.sleep(0.5)
    recording.put(outcome(2))
    await asyncio.sleep(0.5)
    running.cancel()

    assert sum(dropped) == 1
    assert [record.outcome.time for record in await kept(store)] == [1_002.0]
    assert "could not be recorded" in caplog.text


async def test_what_cannot_expire_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Eternal(MemoryFeedback):
        async def expire(self, before: float, texts_before: float, forgotten_before: float) -> None:
            raise FeedbackUnavailable("feedback cannot be stored: scripts are not allowed")

    monkeypatch.setattr(recorder, "_GATHERING", 0.01)
    store = Eternal()
    recording = Recorder(store, Retention(90, 0))
    running = asyncio.create_task(recording.run())
    recording.put(outcome(1))
    await asyncio.sleep(0.2)
    running.cancel()
    assert len(await kept(store)) == 1


@pytest.mark.parametrize("given", ["", "short", "x" * 31])
async def test_a_short_secret_is_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "secret").write_text(given)
    settings = Settings(_env_file=None, data_dir=tmp_path, feedback_secret_file=tmp_path / "secret")
    with pytest.raises(BadSettings, match="at least 32 random characters"):
        async with open_askd(settings):
            pass


async def test_what_waits_at_the_end_is_written(store: SqliteFeedback) -> None:
    async with service(store) as client:
        await client.post("/ask", json=LATE)
    assert len(await kept(store)) == 1


# --- privacy ------------------------------------------------------------------------------------------


def written(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(file.parent.iterdir()))


async def test_no_question_reaches_the_disk_by_default(store: SqliteFeedback, file: Path) -> None:
    async with service(store) as client:
        token = (await client.post("/ask", json=LATE)).json()["feedback_token"]
        await client.post("/feedback", json={"token": token, "helpful": True, "comment": "wunderbar"})

    assert b"possible" not in written(file)
    assert b"wunderbar" not in written(file)


async def test_what_is_forgotten_is_gone_from_the_disk(store: SqliteFeedback, file: Path) -> None:
    headers = {"X-Request-ID": "mine"}
    async with service(store, KEEPING) as client:
        answer = (await client.post("/ask", json=LATE, headers=headers)).json()
        verdict = {"token": answer["feedback_token"], "helpful": True, "comment": "wunderbar"}
        await client.post("/feedback", json=verdict)
    assert b"possible to join" in written(file)
    assert b"wunderbar" in written(file)

    assert await store.forget("mine", 2_000.0) == 1
    assert b"possible to join" not in written(file)
    assert b"wunderbar" not in written(file)


async def test_what_was_forgotten_while_somebody_read_is_gone_at_the_next_cleaning(
    store: SqliteFeedback, file: Path
) -> None:
    await store.record([outcome(1, "Is it possible to join?", "mine")])
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM answers").fetchone()
        assert await store.forget("mine", 2_000.0) == 1
    assert b"possible to join" in written(file)

    await store.expire(0.0, 0.0, 0.0)
    assert b"possible to join" not in written(file)


async def test_switching_the_setting_off_deletes_what_was_kept(store: SqliteFeedback, file: Path) -> None:
    async with service(store, KEEPING) as client:
        await client.post("/ask", json=LATE)
    assert [record.outcome.question for record in await kept(store)] == [LATE["question"]]

    async with service(store, Settings()):
        await asyncio.sleep(0.5)
    assert [record.outcome.question for record in await kept(store)] == [None]
    assert b"possible to join" not in written(file)


async def test_the_file_is_readable_by_its_owner_only(store: SqliteFeedback, file: Path) -> None:
    await store.record([outcome(1)])
    assert {path.stat().st_mode & 0o077 for path in file.parent.iterdir()} == {0}
    assert file.parent.stat().st_mode & 0o077 == 0


# --- the secret ---------------------------------------------------------------------------------------


def test_the_secret_of_an_installation_stays(tmp_path: Path) -> None:
    file = tmp_path / "feedback" / "secret"
    secret = installation_secret(file)

    assert len(secret) == 32
    assert installation_secret(file) == secret
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


def test_a_damaged_secret_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("not hexadecimal")
    secret = installation_secret(file)
    assert len(secret) == 32
    assert installation_secret(file) == secret


def test_without_a_place_the_secret_lasts_as_long_as_the_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "feedback"
    place.write_text("not a folder")
    first, second = installation_secret(place / "secret"), installation_secret(place / "secret")
    assert len(first) == 32
    assert first != second
    assert "valid until askd stops" in caplog.text


async def test_no_cursor_leaves_the_thread_of_the_store(
    store: SqliteFeedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped in another thread it resets a statement that the next call may be running."""
    results: list[object] = []
    run = store.run

    async def noting(work: Callable[[sqlite3.Connection], object]) -> object:
        results.append(await run(work))
        return results[-1]

    monkeypatch.setattr(store, "run", noting)
    await store.record([outcome(1, request_id="mine")])
    await store.judge(outcome(1, request_id="mine"), Verdict(True, 2_000.0))
    await kept(store)
    await store.forget("mine", 2_000.0)
    await store.expire(0.0, 0.0, 0.0)

    assert len(results) >= 5
    assert not [result for result in results if isinstance(result, sqlite3.Cursor)]


async def test_a_file_without_what_was_forgotten_is_used_as_it_is(file: Path) -> None:
    """As it was before requests that are forgotten were remembered."""
    before = SqliteFeedback(file)
    await before.record([outcome(1), outcome(2, request_id="mine")])
    await before.close()
    db = sqlite3.connect(file)
    db.executescript("DROP TABLE forgotten; PRAGMA user_version = 1;")
    db.close()
    store = SqliteFeedback(file)

    assert await store.forget("mine", 2_000.0) == 1
    assert await store.judge(outcome(2, request_id="mine"), Verdict(True, 2_000.0)) is False
    assert [record.outcome.id for record in await kept(store)] == [outcome(1).id]
    await store.close()
