"""Vectors that were made before: an ingest that broke off goes on, and the next one embeds what is new."""

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from app.embedders.base import EmbedderInfo, Vector

log = logging.getLogger(__name__)

_LIMIT = 500_000_000  # bytes; beyond, what was not used for the longest time goes
_BATCH = 100  # vectors, and
_SECONDS = 1.0  # of work: more than the first of the two is never lost
_PATIENCE = 5.0  # seconds to wait for another process that writes
_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}  # ERROR: other tables

_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, used INTEGER NOT NULL)
"""
_SIZE = """
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
_FORGET = """
DELETE FROM vectors WHERE key IN
(SELECT key FROM vectors ORDER BY used LIMIT (SELECT count(*) / 10 + 1 FROM vectors))
"""


class EmbeddingCache:
    """The vectors of one embedder. A context manager that raises nothing of its own.

    A damaged file is set aside and recreated; without a file, everything is embedded.
    """

    def __init__(self, file: Path, embedder: EmbedderInfo) -> None:
        self._file = file
        self._embedder = embedder
        self._db: sqlite3.Connection | None = None
        self._recreated = False
        self._new: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()
        self._opened = int(time.time())
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
        self._close()

    def vector(self, text: str, embed: Callable[[], Vector]) -> Vector:
        """The text's vector, from `embed` where it is not here yet."""
        key = hashlib.sha256(f"{self._embedder.digest}\0{text}".encode()).digest()
        found = self._find(key)
        if found is None:
            found = embed()
            self._new[key] = found.tobytes()
        else:
            self._used.add(key)
        enough = len(self._new) + len(self._used) >= _BATCH
        if enough or time.monotonic() - self._written >= _SECONDS:
            self._write()
        return found

    def _find(self, key: bytes) -> Vector | None:
        if self._db is None:
            return None
        try:
            row = self._db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            self._lose(error)
            return None
        return self._whole(row[0]) if row else None

    def _whole(self, blob: bytes) -> Vector | None:
        """None for a damaged or foreign value."""
        if not isinstance(blob, bytes) or len(blob) != 4 * self._embedder.dimension:
            return None
        vector = np.frombuffer(blob, dtype=np.float32)
        return vector if abs(float(vector @ vector) - 1) < 1e-3 else None

    def _write(self) -> None:
        """In one short transaction: other processes may wait for it."""
        if self._db is not None:
            try:
                with self._db:
                    self._db.executemany(
                        "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                        [(key, blob, self._opened) for key, blob in self._new.items()],
                    )
                    self._db.executemany(
                        "UPDATE vectors SET used = ? WHERE key = ?",
                        [(self._opened, key) for key in self._used],
                    )
                    if self._db.execute(_SIZE).fetchone()[0] > _LIMIT:
                        self._db.execute(_FORGET)
            except sqlite3.Error as error:
                self._lose(error)
        self._new.clear()
        self._used.clear()
        self._written = time.monotonic()

    def _open(self) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # Who takes the vectors may go on in another thread, but never in two at once.
            self._db = sqlite3.connect(self._file, timeout=_PATIENCE, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(_TABLE)
            self._db.execute("SELECT key, vector, used FROM vectors LIMIT 0")
        except (sqlite3.Error, OSError) as error:
            self._lose(error)

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _lose(self, error: Exception) -> None:
        """Goes on with a new file where the old one is damaged, else without."""
        self._close()
        facts = {"file": self._file.name, "error": str(error)}
        if self._recreated or getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
            log.warning("entries are embedded without the embedding cache", extra=facts)
            return
        log.warning("the embedding cache is damaged: it is set aside and recreated", extra=facts)
        self._recreated = True
        self._set_aside()
        self._open()

    def _set_aside(self) -> None:
        try:
            self._file.replace(self._file.with_name(f"{self._file.name}.damaged"))
            for journal in ("-wal", "-shm"):
                self._file.with_name(f"{self._file.name}{journal}").unlink(missing_ok=True)
        except OSError:
            log.exception("the damaged embedding cache could not be moved")
