from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.stack import Stack, checkout, free_port


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, gguf: Path) -> Iterator[Stack]:
    """Started as its README says, with SmolLM2 for gemma:2b; what a user types is what is tested."""
    stack = Stack(checkout(tmp_path_factory.mktemp("checkout")), free_port())
    stack.script("bake-models", "--from-gguf", str(gguf), "--name", "gemma:2b", "--licence", "LICENSE")
    try:
        stack.script("up")
        yield stack
    finally:
        stack.try_script("down", "--volumes")
