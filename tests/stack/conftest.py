from collections.abc import Iterator
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from tests.stack.stack import Stack, checkout, free_port


@pytest.fixture(scope="session", autouse=True)
def built_ollama() -> Iterator[None]:
    """scripts/bake-models uses the Ollama of tools/ci where there is one, else a container."""
    built = sorted((user_cache_path("askd", appauthor=False) / "services").glob("ollama-*/bin/ollama"))
    with pytest.MonkeyPatch.context() as patch:
        if built:
            patch.setenv("OLLAMA_BIN", str(built[-1]))
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, gguf: Path) -> Iterator[Stack]:
    """Started as docs/docker.md says, with SmolLM2 for gemma:2b; what a user types is what is tested."""
    stack = Stack(checkout(tmp_path_factory.mktemp("checkout")), free_port())
    stack.script("bake-models", "--from-gguf", str(gguf), "--name", "gemma:2b", "--licence", "LICENSE")
    try:
        stack.script("up")
        yield stack
    finally:
        stack.try_script("down", "--volumes")
