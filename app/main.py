"""The HTTP service, as a table of contents."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from importlib.metadata import version
from typing import TypedDict

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.answering.readiness import Readiness
from app.answering.service import Assistant
from app.api import openapi, problems
from app.api.access import Access, origins_of
from app.api.dependencies import TIMEOUT_HEADER, RequestTimeouts, Service
from app.api.mcp import endpoint as mcp
from app.api.mcp.endpoint import Sessions, open_sessions
from app.api.middleware import HeadAsGet, Requests, SecurityHeaders, TrailingSlash
from app.api.openai import errors as openai_errors
from app.api.page.routes import page_routes
from app.api.routes import ROUTERS
from app.api.traces import Traces
from app.feedback.report import Reporter
from app.feedback.service import Feedback
from app.indexes.base import IndexStore
from app.settings import Settings
from app.settings.values import comma_separated
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import Tracing
from app.traffic.rate_limit import RateLimiter
from app.traffic.shutdown import GracefulShutdown
from app.wiring import Askd, open_askd, open_collector, tracing_to

Opener = Callable[[Settings, Tracing, Metrics], AbstractAsyncContextManager[Askd]]


class State(TypedDict):
    assistant: Assistant
    feedback: Feedback
    reporter: Reporter
    readiness: Readiness
    store: IndexStore
    mcp: Sessions
    limiter: RateLimiter | None  # None: each process counts by itself


def create_app(
    settings: Settings, shutdown: GracefulShutdown | None = None, open_askd: Opener = open_askd
) -> FastAPI:
    """`shutdown` is triggered when the service is to stop. Raises BadSettings."""
    metrics = Metrics()
    collector = open_collector(settings)
    tracing = tracing_to(collector, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        async with (
            collector or nullcontext(),
            open_askd(settings, tracing, metrics) as askd,
            askd.feedback.running(),
            open_sessions() as sessions,
        ):
            watching = asyncio.gather(askd.assistant.watch.run(), metrics.keep_fresh())
            try:
                yield {
                    "assistant": askd.assistant,
                    "store": askd.store,
                    "feedback": askd.feedback,
                    "reporter": Reporter(askd.feedback.store, askd.store, askd.embedder),
                    "mcp": sessions,
                    "readiness": Readiness(
                        askd.index,
                        askd.llm,
                        askd.embedder,
                        settings.gpu,
                        settings.writing,
                        askd.remote_model,
                        lambda: askd.feedback.trouble,
                        askd.shared.trouble if askd.shared else lambda: None,
                    ),
                    "limiter": askd.shared.limiter if askd.shared else None,
                }
            finally:
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
        redirect_slashes=False,  # TrailingSlash does it without a redirect
        # FastAPI's own: environment variables alone would have it send spans and exceptions' messages.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = Service(
        RequestTimeouts(settings.request_timeout, settings.max_request_timeout),
        shutdown or GracefulShutdown(),
        metrics,
        Access.of(settings),
        settings.chat_sources,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.append(Route(mcp.PATH, mcp.McpEndpoint(origins_of(settings))))
    app.router.routes.extend(page_routes(settings))
    respond = problems.install(app, {"/v1/": openai_errors.response_of})
    openapi.install(app)
    _add_middleware(app, settings, metrics, respond, tracing if collector else None)
    return app


def _add_middleware(
    app: FastAPI,
    settings: Settings,
    metrics: Metrics,
    respond: problems.ErrorResponse,
    tracing: Tracing | None,
) -> None:
    """Innermost first."""
    app.add_middleware(HeadAsGet)
    if origins := origins_of(settings):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST"],
            allow_headers=[
                *("Authorization", "Cache-Control", "X-API-Key", "X-Request-ID", TIMEOUT_HEADER),
                *("MCP-Protocol-Version", "MCP-Session-Id", "Last-Event-ID"),  # what clients of /mcp send
            ],
            expose_headers=["Retry-After", "Server-Timing", "X-Request-ID"],
        )
    paths = frozenset(route.path for route in iter_route_contexts(app.routes) if route.path)
    app.add_middleware(Requests, metrics=metrics, paths=paths, respond=respond)
    app.add_middleware(SecurityHeaders)
    if tracing:
        app.add_middleware(Traces, tracing=tracing)
    app.add_middleware(TrailingSlash)
    if proxies := comma_separated(settings.trusted_proxies):
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)
