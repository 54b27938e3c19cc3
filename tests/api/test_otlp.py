"""Traces on their way to a collector: the real service over a real index and a server like Ollama."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import cast

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.trace import NoOpTracer

from app.api.traces import Traces
from app.errors import BadSettings
from app.indexes.memory import manifest_of, records_of
from app.main import create_app
from app.settings import Settings
from app.telemetry import otlp
from app.wiring import open_askd, open_collector
from tests.support.collector import MemoryCollector
from tests.support.faq import FAQ
from tests.support.ollama_server import Reply, done, lines, ollama_server, said
from tests.support.served import served

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}
OLLAMA = {
    "show": Reply(
        [
            lines(
                {
                    "template": "{{ .System }} {{ .Prompt }}",
                    "model_info": {
                        "general.architecture": "llama",
                        "llama.context_length": 8192,
                        "general.parameter_count": 2_000_000_000,
                    },
                }
            )
        ]
    ),
    "tags": Reply([lines({"models": [{"model": "tiny:latest", "digest": "abc"}]})]),
    "ps": Reply([lines({"models": []})]),
    "chat": Reply([lines(said("Yes, you can join "), said("at any time."), done())]),
}


def settings_of(folder: Path, **chosen: object) -> Settings:
    return Settings(_env_file=None, data_dir=folder, embedder="none", **chosen)  # type: ignore[arg-type]


@asynccontextmanager
async def service(folder: Path, collector: str) -> AsyncIterator[httpx.AsyncClient]:
    """The service with all that belongs to it; leaving the block stops it."""
    async with ollama_server(**OLLAMA) as ollama:
        settings = settings_of(
            folder, ollama_url=ollama.url, model="tiny", otlp_endpoint=collector, cache_entries=0
        )
        async with open_askd(settings) as askd:
            await askd.store.publish(manifest_of(FAQ), records_of(FAQ), lambda _: None)
        async with served(create_app(settings)) as client:
            yield client


async def ask(client: httpx.AsyncClient) -> float:
    """How long it took, in seconds."""
    began = time.monotonic()
    response = await client.post("/ask", json=LATE)
    assert (response.status_code, response.json()["origin"]) == (200, "generated"), response.text
    return time.monotonic() - began


async def test_spans_arrive_at_a_collector_while_it_runs_and_when_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=faq,deployment.environment.name=lab")
    collector = MemoryCollector()
    async with served(collector) as receiver:
        async with service(tmp_path, str(receiver.base_url)) as client:
            await ask(client)
            async with asyncio.timeout(10):
                while len(collector.spans) < 4:
                    await asyncio.sleep(0.05)
            assert {span.name for span in collector.spans} == {"POST /ask", "retrieve", "queue", "chat tiny"}
            assert len({span.trace_id for span in collector.spans}) == 1
            await ask(client)  # and stop at once
        assert len(collector.spans) == 8
    (resource,) = collector.requests[0].resource_spans
    facts = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert facts["service.version"] == version("askd")
    assert (facts["service.name"], facts["deployment.environment.name"]) == ("faq", "lab")
    assert {headers["api-key"] for headers in collector.headers} == {"k"}


@asynccontextmanager
async def silence() -> AsyncIterator[str]:
    """A server that takes connections and never says a word."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in held:
            writer.close()


@asynccontextmanager
async def nobody() -> AsyncIterator[str]:
    with socket.socket() as reserved:  # bound, and never listened on
        reserved.bind(("127.0.0.1", 0))
        yield f"http://user:secret@127.0.0.1:{reserved.getsockname()[1]}"


@pytest.mark.parametrize("dead", [silence, nobody])
async def test_a_dead_collector_neither_slows_nor_fails_questions_nor_holds_up_the_end(
    tmp_path: Path, dead: Callable[[], AbstractAsyncContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_TIMEOUT", 60.0)  # a batch takes so long that nothing else does
    monkeypatch.setattr(otlp, "_PERIOD", 0.05)
    monkeypatch.setattr(otlp, "_FLUSH_SECONDS", 0.3)
    async with dead() as url, AsyncExitStack() as running:
        client = await running.enter_async_context(service(tmp_path, url))
        await ask(client)  # what is opened at the first question
        until = time.monotonic() + 0.5  # by then a batch is being tried
        slowest = 0.0
        while time.monotonic() < until:
            slowest = max(slowest, await ask(client))
            await asyncio.sleep(0.02)
        assert slowest < 4.0
        began = time.monotonic()
        await running.aclose()
        assert time.monotonic() - began < 10  # the SDK alone would take thirty seconds


async def test_it_is_said_once_that_a_collector_takes_nothing_and_once_that_it_does_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp, "_PERIOD", 0.05)
    caplog.set_level(logging.INFO)
    collector = MemoryCollector(status=400)
    async with served(collector) as receiver:
        url = str(receiver.base_url).replace("//", "//user:secret@")
        async with service(tmp_path, url) as client:
            while collector.refused < 5:
                await ask(client)
            collector.status = 200
            while not collector.spans:
                await ask(client)
    sending = ("app.telemetry.otlp", "opentelemetry", "urllib3", "requests")
    told = [record for record in caplog.records if record.name.startswith(sending)]
    assert [(record.levelname, record.message) for record in told] == [
        ("WARNING", "traces cannot be sent, and are dropped"),
        ("INFO", "traces are sent again"),
    ]
    assert "secret" not in " ".join(str(vars(record)) for record in told)


# --- off, or not possible ------------------------------------------------------------------------


async def test_nothing_is_traced_unless_a_collector_is_named(tmp_path: Path) -> None:
    assert open_collector(settings_of(tmp_path)) is None
    for collector, traced in [(None, False), ("http://127.0.0.1:1", True)]:
        app = create_app(settings_of(tmp_path, otlp_endpoint=collector, trace_content=True))
        assert any(cast(object, each.cls) is Traces for each in app.user_middleware) is traced
        async with app.router.lifespan_context(app) as state:
            assert state
            assert isinstance(state["assistant"].tracing.tracer, NoOpTracer) is not traced


async def test_the_frameworks_own_telemetry_stays_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    collector = MemoryCollector()
    async with served(collector) as receiver:
        monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", str(receiver.base_url))
        async with served(create_app(settings_of(tmp_path))) as client:
            await client.post("/ask", json={"question": ""})
    assert collector.requests == []
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "app.telemetry.otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadSettings, match=r"pip install -e '\.\[otel\]'"):
        create_app(settings_of(tmp_path, otlp_endpoint="http://127.0.0.1:4318"))
