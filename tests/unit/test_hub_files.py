"""Single files of the model hub: refused before a download, or fetched at a commit and checked."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.errors import DownloadFailed, ModelMissing
from app.models.hub import HubFile, find_file, is_file, pull_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENT = b"GGUF" + bytes(range(256)) * 40_000
NAME = "org/tiny/sub/tiny-q4.gguf"


@dataclass
class Hub:
    """A model hub with one repository."""

    url: str = ""
    gated: str | None = None
    accepts: str | None = None  # the token that may read a gated repository
    cut_at: int | None = None  # the connection breaks after so many bytes
    content: bytes = CONTENT
    sent: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, range

    def info(self) -> bytes:
        lfs = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
        files = [
            {"rfilename": "sub/tiny-q4.gguf", "size": len(CONTENT), "lfs": lfs},
            {"rfilename": "README.md", "size": 3},
            {"rfilename": "small.gguf", "size": 3},
        ]
        told = {"sha": COMMIT, "gated": self.gated or False, "siblings": files}
        return json.dumps({**told, "cardData": {"license": "apache-2.0"}}).encode()

    @property
    def downloads(self) -> list[str | None]:
        return [part for method, path, part in self.sent if method == "GET" and "/resolve/" in path]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            part = self.headers.get("Range")
            served.sent.append((self.command, path, part))
            if path in ("/api/models/org/tiny", f"/api/models/org/tiny/revision/{COMMIT}"):
                self._answer(200, served.info())
            elif not path.startswith(f"/org/tiny/resolve/{COMMIT}/"):
                self._answer(404, b"")
            elif served.gated and self.headers.get("Authorization") != f"Bearer {served.accepts}":
                self._answer(403, b"")
            elif part:
                first, _, last = part.removeprefix("bytes=").partition("-")
                end = int(last) + 1 if last else len(served.content)
                self._answer(206, served.content[int(first) : end])
            else:
                self._answer(200, served.content)

        do_HEAD = do_GET  # noqa: N815 - the library calls it so

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("ETag", f'"{hashlib.sha256(served.content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: served.cut_at])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


def pulled(file: HubFile, directory: Path) -> Path:
    return pull_file(file, directory, None, lambda more: None)


def test_a_file_comes_at_its_commit_with_its_licence_beside_it(hub: Hub, tmp_path: Path) -> None:
    file = find_file(NAME, hub.url, None)
    assert (file.commit, file.licence, file.page) == (COMMIT, "apache-2.0", f"{hub.url}/org/tiny")
    came: list[int] = []
    path = pull_file(file, tmp_path, None, came.append)
    assert (path.read_bytes(), sum(came)) == (CONTENT, len(CONTENT))
    beside = json.loads(path.with_suffix(".json").read_text())
    assert (beside["licence"], beside["commit"], beside["sha256"]) == ("apache-2.0", COMMIT, file.sha256)
    assert sorted(one.name for one in path.parent.iterdir()) == ["tiny-q4.gguf", "tiny-q4.json"]
    count = len(hub.downloads)
    assert pulled(file, tmp_path) == path
    assert len(hub.downloads) == count  # it is there already


def test_a_gated_file_is_refused_before_any_download(hub: Hub) -> None:
    hub.gated, hub.accepts = "manual", "secret"
    with pytest.raises(ModelMissing, match=r"open http://\S+/org/tiny, accept .* HF_TOKEN_PATH"):
        find_file(NAME, hub.url, None)
    assert hub.downloads == []
    assert find_file(NAME, hub.url, "secret").size == len(CONTENT)


def test_an_interrupted_download_goes_on(hub: Hub, tmp_path: Path) -> None:
    file = find_file(f"{NAME}@{COMMIT}", hub.url, None)
    hub.cut_at = 5_000_000
    with pytest.raises(DownloadFailed):
        pulled(file, tmp_path)
    hub.cut_at = None
    assert pulled(file, tmp_path).read_bytes() == CONTENT
    _, rest = hub.downloads
    assert rest is not None
    assert 4_000_000 <= int(rest.removeprefix("bytes=").removesuffix("-")) <= 5_000_000


def test_an_interrupted_download_is_not_touched_by_another_file_of_its_name(hub: Hub, tmp_path: Path) -> None:
    file = find_file(NAME, hub.url, None)
    content = CONTENT[::-1]
    other = replace(file, path="q8/tiny-q4.gguf", sha256=hashlib.sha256(content).hexdigest())
    hub.cut_at = 5_000_000
    with pytest.raises(DownloadFailed):
        pulled(file, tmp_path)
    hub.cut_at, hub.content = None, content
    assert pulled(other, tmp_path).read_bytes() == content
    hub.content = CONTENT
    assert pulled(file, tmp_path).read_bytes() == CONTENT
    _, whole, rest = hub.downloads
    assert whole is None
    assert rest is not None


def test_another_content_than_the_hub_said_is_not_kept(hub: Hub, tmp_path: Path) -> None:
    file = find_file(NAME, hub.url, None)
    hub.content = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        pulled(file, tmp_path)
    assert not list(tmp_path.rglob("*.gguf"))
    hub.content = CONTENT
    assert pulled(file, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("org/tiny/none.gguf", "has no file none.gguf; it has sub/tiny-q4.gguf, small.gguf"),
        ("org/other/none.gguf", "there is no model org/other"),
        ("org/tiny/small.gguf", "no digest"),
    ],
)
def test_what_cannot_be_had_is_told_why(name: str, said: str, hub: Hub) -> None:
    with pytest.raises((ModelMissing, DownloadFailed), match=said):
        find_file(name, hub.url, None)


@pytest.mark.parametrize("told", [[], "x", {"cardData": "x", "siblings": []}, {"siblings": ["x"]}])
def test_an_answer_of_another_form_is_a_failed_download(
    told: object, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "info", lambda: json.dumps(told).encode())
    with pytest.raises(DownloadFailed, match="the model hub does not tell"):
        find_file(NAME, hub.url, None)


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(DownloadFailed, match="HF_ENDPOINT"):
        find_file(NAME, "http://hub:port", None)


def test_files_of_the_hub_are_told_from_other_names() -> None:
    assert is_file(NAME)
    assert is_file(f"{NAME}@{COMMIT}")
    for other in ("org/tiny", "/org/tiny/x.gguf", "./a/b/c.gguf", "gemma:2b", "../a/b/c.gguf"):
        assert not is_file(other), other
