"""scripts/bake-models, with a real Ollama."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.stack.engine import ROOT

pytestmark = pytest.mark.timeout(300)


def bake(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "bake-models", *map(str, arguments)], capture_output=True, text=True
    )


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def digest(gguf: Path) -> str:
    return hashlib.sha256(gguf.read_bytes()).hexdigest()


def test_a_baked_folder_holds_checked_blobs_and_papers_and_no_key(
    tmp_path: Path, gguf: Path, digest: str
) -> None:
    into = tmp_path / "baked"
    licence = ROOT / "LICENSE"
    done = bake(
        "--from-gguf", gguf, "--name", "gemma:2b", "--sha256", digest, "--licence", licence, "--into", into
    )
    assert done.returncode == 0, done.stderr
    assert "0.10 GB in the image" in done.stdout

    assert (into / "MODELS").read_text() == "gemma:2b\n"
    assert (into / "licences" / "gemma-2b.txt").read_text() == licence.read_text()
    assert digest in (into / "NOTICE").read_text()
    blobs = list((into / "models" / "blobs").iterdir())
    assert f"sha256-{digest}" in {blob.name for blob in blobs}
    for blob in blobs:
        assert blob.name == f"sha256-{hashlib.sha256(blob.read_bytes()).hexdigest()}"
    assert not [name for name in files(into) if "id_ed25519" in name]
    assert [path.name for path in tmp_path.iterdir()] == ["baked"]  # no work folder is left

    second = bake("--from-gguf", gguf, "--name", "other/small", "--into", into)
    assert second.returncode == 0, second.stderr
    assert (into / "MODELS").read_text() == "gemma:2b\nother/small:latest\n"
    assert "other/small" in (into / "NOTICE").read_text()


def test_a_file_with_another_digest_is_refused_and_nothing_is_written(tmp_path: Path, gguf: Path) -> None:
    into = tmp_path / "baked"
    done = bake("--from-gguf", gguf, "--name", "gemma:2b", "--sha256", "0" * 64, "--into", into)
    assert done.returncode == 1
    assert "has the sha256" in done.stderr
    assert not into.exists()


def test_what_is_no_gguf_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"no weights at all")
    done = bake("--from-gguf", wrong, "--name", "gemma:2b", "--into", tmp_path / "baked")
    assert done.returncode == 1
    assert "bake-models: Ollama cannot use" in done.stderr
    assert not (tmp_path / "baked").exists()


def test_a_blob_that_a_broken_run_left_damaged_is_made_anew(tmp_path: Path, gguf: Path, digest: str) -> None:
    into, work = tmp_path / "baked", tmp_path / "baked.work"
    # As after a run that was broken off: Ollama trusts a blob of this name.
    blob = work / "models" / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True)
    content = bytearray(gguf.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    done = bake("--from-gguf", gguf, "--name", "gemma:2b", "--into", into)
    assert done.returncode == 0, done.stderr
    baked = into / "models" / "blobs" / f"sha256-{digest}"
    assert hashlib.sha256(baked.read_bytes()).hexdigest() == digest


def test_a_pull_without_network_says_so(tmp_path: Path) -> None:
    done = bake("nobody/nothing", "--into", tmp_path / "baked")
    assert done.returncode == 1
    assert "nobody/nothing could not be pulled" in done.stderr
    assert not (tmp_path / "baked").exists()


@pytest.mark.parametrize(
    "arguments", [("--from-gguf", "x.gguf"), ("--name", "x"), ("a", "--from-gguf", "x", "--name", "y")]
)
def test_arguments_that_do_not_fit_together_are_refused(arguments: tuple[str, ...]) -> None:
    assert bake(*arguments).returncode == 2
