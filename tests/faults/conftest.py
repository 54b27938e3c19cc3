"""The engines of the live tests, and the page on which each test notes what it saw."""

from collections.abc import Iterator

import pytest

from app.answering import service as assistant
from tests.cli.conftest import askd, faq_file, filled, ingested
from tests.faults.page import GENERATED, Page
from tests.live.conftest import (
    elasticsearch_index,
    elasticsearch_proxy,
    embedded_hybrid,
    embedded_index,
    embedded_model,
    index_prefix,
    ollama_model,
    ollama_proxy,
    with_embedder,
)

__all__ = [
    "askd",
    "elasticsearch_index",
    "elasticsearch_proxy",
    "embedded_hybrid",
    "embedded_index",
    "embedded_model",
    "faq_file",
    "filled",
    "index_prefix",
    "ingested",
    "ollama_model",
    "ollama_proxy",
    "with_embedder",
]


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    page = Page()
    yield page
    page.write(GENERATED)


@pytest.fixture(autouse=True)
def _no_stream_begins_for_the_machine_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails at once is a status, also where at once takes a while."""
    monkeypatch.setattr(assistant, "_GRACE", 3.0)
