"""Feedback in a SQLite file, for one machine: any number of processes may read and write it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from app.domain import Origin, Status
from app.errors import FeedbackUnavailable
from app.feedback.base import Outcome, Record, Shown, Verdict

_Result = TypeVar("_Result")
_FORM = 2  # of the tables: PRAGMA user_version
_PATIENCE = 2.0  # seconds to wait for another process that writes
_PAGE = 1_000  # records read at once

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY, request_id TEXT NOT NULL, time REAL NOT NULL, index_version TEXT NOT NULL,
    status TEXT NOT NULL, origin TEXT, collection TEXT, entries TEXT NOT NULL, question TEXT,
    helpful INTEGER, judged REAL, comment TEXT, entry TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_time ON answers (time, id);
CREATE INDEX IF NOT EXISTS answers_by_request ON answers (request_id);
CREATE TABLE IF NOT EXISTS forgotten (request_id TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID;
"""
_RECORD = """
INSERT INTO answers (id, request_id, time, index_version, status, origin, collection, entries, question)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE request_id = ?2 AND time >= ?3)
ON CONFLICT (id) DO UPDATE SET question = coalesce(excluded.question, question)
"""
_JUDGE = "UPDATE answers SET helpful = ?, judged = ?, comment = ?, entry = ? WHERE id = ?"
_READ = """
SELECT id, request_id, time, index_version, status, origin, collection, entries, question,
    helpful, judged, comment, entry
FROM answers WHERE (time, id) > (?, ?) ORDER BY time, id LIMIT ?
"""
_FORGET_TEXTS = """
UPDATE answers SET question = NULL, comment = NULL
WHERE time < ? AND (question IS NOT NULL OR comment IS NOT NULL)
"""
_FORGET = """
INSERT INTO forgotten (request_id, time) VALUES (?, ?)
ON CONFLICT (request_id) DO UPDATE SET time = max(excluded.time, time)
"""
_REASONS = {
    sqlite3.SQLITE_BUSY: "another process is writing; try again",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "its folder is read-only (`feedback` in ASKD_DATA_DIR)",
    sqlite3.SQLITE_CANTOPEN: "its folder cannot be written (`feedback` in ASKD_DATA_DIR)",
    sqlite3.SQLITE_CORRUPT: "its file is damaged: move `feedback` in ASKD_DATA_DIR aside",
    sqlite3.SQLITE_NOTADB: "its file is damaged: move `feedback` in ASKD_DATA_DIR aside",
}
_ELSE = "its file in ASKD_DATA_DIR does not work, the log says why"


@dataclass
class SqliteFeedback:
    """A `FeedbackStore`. It works in a thread of its own, and opens the file at the first use."""

    file: Path
    _thread: ThreadPoolExecutor = field(init=False)
    _db: sqlite3.Connection | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        def record(db: sqlite3.Connection) -> None:
            db.executemany(_RECORD, map(_row, outcomes))

        await self.run(record)

    async def judge(self, outcome: Outcome, verdict: Verdict) -> bool:
        said = (verdict.helpful, verdict.time, verdict.comment, verdict.entry, outcome.id)

        def judge(db: sqlite3.Connection) -> bool:
            db.execute(_RECORD, _row(outcome))
            return db.execute(_JUDGE, said).rowcount > 0

        return await self.run(judge)

    async def records(self, since: float) -> AsyncIterator[Record]:
        after: tuple[float, str] = (since, "")
        while rows := await self.run(lambda db, at=after: db.execute(_READ, (*at, _PAGE)).fetchall()):  # type: ignore[misc]
            for row in rows:
                yield _record(row)
            after = rows[-1][2], rows[-1][0]

    async def forget(self, request_id: str, now: float) -> int:
        def forget(db: sqlite3.Connection) -> int:
            db.execute(_FORGET, (request_id, now))
            return db.execute("DELETE FROM answers WHERE request_id = ?", (request_id,)).rowcount

        found = await self.run(forget)
        if found:
            await self.run(_empty_journal)
        return found

    async def expire(self, before: float, texts_before: float, forgotten_before: float) -> None:
        def expire(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM forgotten WHERE time < ?", (forgotten_before,))
            db.execute("DELETE FROM answers WHERE time < ?", (before,))
            db.execute(_FORGET_TEXTS, (texts_before,))

        await self.run(expire)
        await self.run(_empty_journal)  # always: it may have been in use when something was forgotten

    async def close(self) -> None:
        def close() -> None:
            if self._db is not None:
                self._db.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)

    async def run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """In one transaction. `work` returns no cursor: dropped in another thread it resets its statement,
        which the next call may be running."""

        def run() -> _Result:
            with _translated_errors():
                if self._db is None:
                    self._db = _open(self.file)
                with self._db:
                    return work(self._db)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    db = sqlite3.connect(file, timeout=_PATIENCE, check_same_thread=False)
    try:
        (form,) = db.execute("PRAGMA user_version").fetchone()
        if form > _FORM:
            raise FeedbackUnavailable("feedback cannot be stored: a newer askd wrote its file; use that one")
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        if form < _FORM:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"{_TABLES} PRAGMA user_version = {_FORM};")
    except BaseException:
        db.close()
        raise
    return db


def _empty_journal(db: sqlite3.Connection) -> None:
    """What was deleted may stand in the journal still. It stays as it is while another process reads."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, OSError):
            code = sqlite3.SQLITE_CANTOPEN
        told = _REASONS.get((code or 0) & 0xFF, _ELSE)
        unavailable = FeedbackUnavailable(f"feedback cannot be stored: {told}")
        unavailable.reason = str(error)
        raise unavailable from error


def _row(outcome: Outcome) -> tuple[Any, ...]:
    entries = [(entry.collection, entry.id, entry.cited) for entry in outcome.entries]
    return (
        outcome.id,
        outcome.request_id,
        outcome.time,
        outcome.index_version,
        outcome.status.value,
        outcome.origin.value if outcome.origin else None,
        outcome.collection,
        json.dumps(entries, ensure_ascii=False),
        outcome.question,
    )


def _record(row: Sequence[Any]) -> Record:
    id_, request_id, time, version, status, origin, collection, entries, question, *said = row
    outcome = Outcome(
        id=id_,
        request_id=request_id,
        time=time,
        index_version=version,
        status=Status(status),
        origin=Origin(origin) if origin else None,
        collection=collection,
        entries=tuple(Shown(*entry) for entry in json.loads(entries)),
        question=question,
    )
    helpful, judged, comment, entry = said
    verdict = None if helpful is None else Verdict(bool(helpful), judged, comment, entry)
    return Record(outcome, verdict)
