"""The cache spares work, and nothing that happens to its file does harm."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from app.embedders import cache as embedding_cache
from app.embedders.base import EmbedderInfo, Vector
from app.embedders.cache import EmbeddingCache

EMBEDDER = EmbedderInfo("e", "digest", 8)
TEXTS = [f"text {number}" for number in range(250)]

# Puts texts into the cache in argv[1] until it is killed, and tells how far it is.
ENDLESS = """
import itertools, sys, time
from pathlib import Path
from tests.unit.test_embedding_cache import EMBEDDER, vector_of
from app.embedders.cache import EmbeddingCache

def slowly(text):
    time.sleep(0.001)
    return vector_of(text)

with EmbeddingCache(Path(sys.argv[1]), EMBEDDER) as cache:
    for number in itertools.count():
        cache.vector(f"text {number}", lambda: slowly(f"text {number}"))
        print(number, flush=True)
"""


def vector_of(text: str) -> Vector:
    vector = np.frombuffer(text.ljust(8, "·").encode()[:8], dtype=np.uint8).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def embedded(file: Path, texts: Iterable[str] = TEXTS, embedder: EmbedderInfo = EMBEDDER) -> list[str]:
    """The texts that were not in the cache; every vector is the right one."""
    anew: list[str] = []

    def embed(text: str) -> Vector:
        anew.append(text)
        return vector_of(text)

    with EmbeddingCache(file, embedder) as cache:
        for text in texts:
            vector = cache.vector(text, lambda text=text: embed(text))  # type: ignore[misc]
            assert np.array_equal(vector, vector_of(text))
    return anew


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "embeddings.sqlite3"


@contextmanager
def database(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file)) as db, db:
        yield db


def test_each_text_is_embedded_once(file: Path) -> None:
    assert embedded(file) == TEXTS
    assert embedded(file, [*TEXTS, "new"]) == ["new"]


def test_another_embedder_has_its_own_vectors(file: Path) -> None:
    embedded(file)
    assert embedded(file, embedder=EmbedderInfo("e", "other", 8)) == TEXTS
    assert embedded(file) == []


def test_what_was_embedded_before_an_error_is_kept(file: Path) -> None:
    def texts() -> Iterator[str]:
        yield "text 0"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        embedded(file, texts())
    assert embedded(file, TEXTS[:2]) == ["text 1"]


def test_a_kill_loses_no_more_than_a_batch(file: Path) -> None:
    command = [sys.executable, "-c", ENDLESS, str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if int(line) == 555:
                break
        process.send_signal(signal.SIGKILL)
    texts = [f"text {number}" for number in range(555)]
    lost = embedded(file, texts)
    assert len(lost) <= 100
    assert embedded(file, texts) == []


def test_a_file_that_is_no_database_is_set_aside_and_begun_anew(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    file.write_bytes(b"not a database" * 1000)
    assert embedded(file) == TEXTS
    assert embedded(file) == []
    assert "recreated" in caplog.text
    assert file.with_name(f"{file.name}.damaged").read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("kept", [0, 100, 5000, 12_288])
def test_a_file_that_was_cut_off_does_no_harm(file: Path, kept: int) -> None:
    embedded(file)
    os.truncate(file, kept)
    embedded(file)  # its vectors are the right ones
    assert embedded(file) == []


def test_pages_overwritten_in_the_middle_do_no_harm(file: Path) -> None:
    embedded(file)
    content = bytearray(file.read_bytes())
    content[6000:-2000] = os.urandom(len(content) - 8000)
    file.write_bytes(content)
    embedded(file)
    assert embedded(file) == []


def test_the_file_of_another_program_does_no_harm(file: Path) -> None:
    file.parent.mkdir()
    with database(file) as db:
        db.execute("CREATE TABLE vectors (id INTEGER, name TEXT)")
    assert embedded(file) == TEXTS
    assert embedded(file) == []


@pytest.mark.parametrize("wrong", [b"short", np.full(8, 0.5, dtype=np.float32).tobytes(), "text", 7])
def test_what_is_no_vector_is_embedded_anew(file: Path, wrong: object) -> None:
    embedded(file)
    with database(file) as db:
        db.execute("UPDATE vectors SET vector = ?", (wrong,))
    assert embedded(file) == TEXTS
    assert embedded(file) == []


def test_where_no_file_can_be_everything_is_embedded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert embedded(tmp_path / "cache" / "embeddings.sqlite3") == TEXTS
    assert "without the embedding cache" in caplog.text


def test_another_process_that_writes_for_long_does_no_harm(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    embedded(file, TEXTS[:5])
    monkeypatch.setattr(embedding_cache, "_PATIENCE", 0.05)
    with database(file) as db:
        db.execute("UPDATE vectors SET used = 1")
        assert embedded(file) == TEXTS[5:]
    assert "without the embedding cache" in caplog.text
    assert embedded(file, TEXTS[:5]) == []


def test_what_was_not_used_for_long_goes_first_when_it_grows_too_large(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_cache, "_BATCH", 10)
    embedded(file)
    with database(file) as db:
        db.execute("UPDATE vectors SET used = 1")
        monkeypatch.setattr(embedding_cache, "_LIMIT", db.execute(embedding_cache._SIZE).fetchone()[0])

    new = [f"new {number}" for number in range(400)]
    embedded(file, [*TEXTS[-50:], *new])

    assert embedded(file, new[-100:]) == []
    with database(file) as db:
        (old,) = db.execute("SELECT count(*) FROM vectors WHERE used = 1").fetchone()
        (size,) = db.execute(embedding_cache._SIZE).fetchone()
    assert old == 0
    assert size <= embedding_cache._LIMIT
