"""The application with its lifespan run, over engines of the test's choice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

import httpx
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.answering.gauges import register_gauges
from app.answering.service import Assistant
from app.feedback.base import FeedbackStore
from app.indexes.base import IndexStore, SearchIndex
from app.main import Opener, create_app
from app.models.base import LanguageModel
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import Tracing
from app.traffic.shutdown import GracefulShutdown
from app.wiring import Askd
from tests.support.feedback import feedback_of


class Index(SearchIndex, IndexStore, Protocol):
    """Both sides of an index."""


def opener_of(
    assistant: Assistant, index: Index, llm: LanguageModel, store: FeedbackStore | None = None
) -> Opener:
    """Stands for `open_askd`."""

    @asynccontextmanager
    async def opened(settings: Settings, tracing: Tracing, metrics: Metrics) -> AsyncIterator[Askd]:
        measured = replace(assistant, on_answer=metrics.answered, on_generated=metrics.generated)
        register_gauges(metrics, measured, {})
        yield Askd(measured, index, index, llm, None, feedback_of(store, settings, metrics))

    return opened


def app_of(
    assistant: Assistant,
    index: Index,
    llm: LanguageModel,
    settings: Settings | None = None,
    shutdown: GracefulShutdown | None = None,
    store: FeedbackStore | None = None,
) -> FastAPI:
    return create_app(settings or Settings(), shutdown, opener_of(assistant, index, llm, store))


@asynccontextmanager
async def calling(
    app: FastAPI, address: str = "203.0.113.7", http_version: str = "1.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the application, started as a server starts it. Its test transport buffers: streams that
    are to be watched need a real server."""
    async with app.router.lifespan_context(app) as state:

        async def started(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "http_version": http_version, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(started, raise_app_exceptions=False, client=(address, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://askd") as client:
            yield client
