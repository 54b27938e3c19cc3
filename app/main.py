"""The HTTP service, as a table of contents."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import TypedDict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app.api import errors, middleware, openapi, routes
from app.assistant import Assistant
from app.errors import ModelError
from app.ports import LanguageModel
from app.readiness import Readiness
from app.settings import Settings
from app.wiring import open_askd

log = logging.getLogger(__name__)

_RETRY = 5.0  # seconds between tries to load a model that is not there yet


class State(TypedDict):
    assistant: Assistant
    readiness: Readiness


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        async with open_askd(settings) as askd:
            loading = asyncio.ensure_future(_preload(askd.llm))
            yield {
                "assistant": askd.assistant,
                "readiness": Readiness(askd.index, askd.llm, askd.embedder, settings.gpu),
            }
            loading.cancel()
            with suppress(asyncio.CancelledError):
                await loading

    # FastAPI's own /docs page loads its script from a CDN; this one brings it along
    app = FastAPIOffline(
        title="askd",
        version=version("askd"),
        description="Answers questions from your own FAQ: retrieval, then a local model, with citations.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redoc_url=None,
    )
    app.include_router(routes.router)
    errors.install(app)
    openapi.install(app)
    app.add_middleware(middleware.Bodies)
    app.add_middleware(middleware.Requests)
    return app


async def _preload(llm: LanguageModel) -> None:
    """Have the model in memory before the first question; until then /readyz says what is missing."""
    while True:
        try:
            await llm.load()
        except ModelError as error:
            log.warning("the model cannot be loaded yet", extra={"reason": str(error)})
            await asyncio.sleep(_RETRY)
        else:
            log.info("the model is loaded")
            return
