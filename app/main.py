"""The HTTP service, as a table of contents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app.api import errors, middleware, openapi, routes
from app.api.draining import Draining
from app.api.front import Front
from app.api.metrics import Metrics
from app.api.patience import Patience
from app.assistant import Assistant
from app.readiness import Readiness
from app.settings import Settings
from app.wiring import open_askd


class State(TypedDict):
    assistant: Assistant
    readiness: Readiness


def create_app(settings: Settings, draining: Draining | None = None) -> FastAPI:
    """`draining` is told when the service is to stop."""
    draining = draining or Draining()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        async with open_askd(settings) as askd:
            assistant = replace(askd.assistant, given=metrics.answered)
            metrics.observe(assistant)
            watching = asyncio.ensure_future(assistant.watch.run())
            yield {
                "assistant": assistant,
                "readiness": Readiness(askd.index, askd.llm, askd.embedder, settings.gpu),
            }
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    # FastAPI's own /docs page loads its script from a CDN; this one brings it along
    app = FastAPIOffline(
        title="askd",
        version=version("askd"),
        description="Answers questions from your own FAQ: retrieval, then a local model, with citations.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.patience = Patience(settings.request_timeout, settings.max_request_timeout)
    app.state.draining = draining
    app.state.metrics = metrics
    app.include_router(routes.router)
    errors.install(app)
    openapi.install(app)
    app.add_middleware(Front)
    app.add_middleware(middleware.Bodies)
    app.add_middleware(middleware.Requests)
    return app
