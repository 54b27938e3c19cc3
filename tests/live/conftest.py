"""Both indexes with the sample FAQ, and both models, as values for `Settings`; proxies before the servers."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from app.indexes.elasticsearch.client import open_client
from tests.live.serving import SAMPLE, Chosen, ingest, settings_of
from tests.live.tcp_proxy import TcpProxy, proxy_to
from tests.support.llama_server import llama_server
from tests.support.servers import MODEL

# Several threads of a model spin while they wait for each other, and crawl where other work takes a CPU away.
_ONE_THREAD = {"num_thread": 1}
_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
async def index_prefix(elasticsearch_url: str) -> AsyncIterator[str]:
    """How all names of this session's indexes in Elasticsearch begin; they go at its end."""
    prefix = f"askd-test-{uuid4().hex[:12]}"
    yield prefix
    async with open_client(elasticsearch_url, api_key=None, timeout=30.0) as client:
        for name in await client.indices.get(index=f"{prefix}*,askd-feedback-{prefix}*"):
            await client.indices.delete(index=name)


@pytest.fixture(scope="session")
async def embedded_index(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    chosen: Chosen = {"data_dir": tmp_path_factory.mktemp("sample")}
    await ingest(settings_of(chosen), SAMPLE)
    return chosen


@pytest.fixture(scope="session")
async def elasticsearch_index(elasticsearch_url: str, index_prefix: str) -> Chosen:
    chosen: Chosen = {
        "elasticsearch_url": elasticsearch_url,
        "index": f"{index_prefix}-sample",
        "search_timeout": 30.0,  # the machine may be busy
    }
    await ingest(settings_of(chosen), SAMPLE)
    return chosen


@pytest.fixture(scope="session")
def with_embedder(tmp_path_factory: pytest.TempPathFactory, embedders: Path) -> Chosen:
    """Where the embedder lies."""
    folder = tmp_path_factory.mktemp("embedder")
    (folder / "models").symlink_to(embedders)
    return {"data_dir": folder, "embedder": "bge-small-en-v1.5"}


@pytest.fixture(scope="session")
async def embedded_hybrid(with_embedder: Chosen) -> Chosen:
    await ingest(settings_of(with_embedder), SAMPLE)
    return with_embedder


@pytest.fixture(scope="session")
async def elasticsearch_hybrid(
    with_embedder: Chosen, elasticsearch_index: Chosen, index_prefix: str
) -> Chosen:
    chosen: Chosen = {**elasticsearch_index, **with_embedder, "index": f"{index_prefix}-hybrid"}
    await ingest(settings_of(chosen), SAMPLE)
    return chosen


@pytest.fixture(scope="session")
def embedded_model(gguf: Path) -> Chosen:
    return {"model": str(gguf), **_ONE_THREAD}


@pytest.fixture(scope="session")
def ollama_model(ollama_url: str) -> Chosen:
    return {"ollama_url": ollama_url, "model": MODEL, **_ONE_THREAD}


@pytest.fixture(scope="session")
async def llama_server_model(gguf: Path) -> AsyncIterator[Chosen]:
    async with llama_server(gguf, num_ctx=2048) as url:
        yield {"openai_url": url, "model": str(gguf), **_ONE_THREAD}


@pytest.fixture(scope="session")
def ollama_v1_model(ollama_url: str) -> Chosen:
    # It does not say how many parameters the model has.
    return {"openai_url": f"{ollama_url}/v1", "model": f"openai:{MODEL}", "writing": "quote", **_ONE_THREAD}


@pytest.fixture
async def ollama_proxy(ollama_url: str) -> AsyncIterator[TcpProxy]:
    async with proxy_to(ollama_url) as proxy:
        yield proxy


@pytest.fixture
async def elasticsearch_proxy(elasticsearch_url: str) -> AsyncIterator[TcpProxy]:
    async with proxy_to(elasticsearch_url) as proxy:
        yield proxy


@pytest.fixture
def measured(pytestconfig: pytest.Config) -> Callable[[str, float], None]:
    """Notes a figure for the end of the report: what it is, and seconds."""

    def note(what: str, seconds: float) -> None:
        pytestconfig.stash.setdefault(_FIGURES, []).append(f"{what}: {seconds * 1000:.1f} ms")

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for figure in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(figure)
