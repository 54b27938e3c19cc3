"""The HTTP service, as a table of contents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from importlib.metadata import version
from typing import TypedDict

import limits
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from limits import RateLimitItem
from opentelemetry.trace import Tracer
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.answering.readiness import Readiness
from app.answering.service import Assistant
from app.api import errors, middleware, openapi, routes
from app.api.access import Access
from app.api.front import Front
from app.api.keys import ApiKeys
from app.api.patience import HEADER, Patience
from app.errors import BadSettings
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.telemetry.spans import Spans
from app.telemetry.traces import Traces, traced
from app.traffic.draining import Draining
from app.wiring import open_askd, open_collector


class State(TypedDict):
    assistant: Assistant
    readiness: Readiness


def create_app(settings: Settings, draining: Draining | None = None) -> FastAPI:
    """`draining` is told when the service is to stop. Raises BadSettings."""
    draining = draining or Draining()
    metrics = Metrics()
    collector = open_collector(settings)
    spans = _spans(settings, collector.tracer) if collector else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        async with collector or nullcontext(), open_askd(settings) as askd:
            assistant = replace(askd.assistant, given=metrics.answered, made=metrics.made)
            metrics.observe(assistant)
            if spans:
                assistant = traced(assistant, spans)
            watching = asyncio.ensure_future(assistant.watch.run())
            try:
                yield {
                    "assistant": assistant,
                    "readiness": Readiness(askd.index, askd.llm, askd.embedder, settings.gpu),
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
        # FastAPI's own: environment variables alone would have it send spans and exceptions' messages.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.patience = Patience(settings.request_timeout, settings.max_request_timeout)
    app.state.draining = draining
    app.state.metrics = metrics
    app.include_router(routes.router)
    errors.install(app)
    openapi.install(app)
    app.add_middleware(Front)
    app.add_middleware(middleware.Bodies)
    _guard(app, settings, spans)
    return app


def _guard(app: FastAPI, settings: Settings, spans: Spans | None) -> None:
    """What stands between the network and the rest, innermost first. Raises BadSettings."""
    keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
    hosts = frozenset(name.lower() for name in _listed(settings.allowed_hosts))
    limit = _limit(settings.rate_limit)
    if keys or hosts or limit:
        app.add_middleware(Access, keys=keys, limit=limit, hosts=hosts)
    if origins := _listed(settings.cors_origins):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Cache-Control", "X-API-Key", "X-Request-ID", HEADER],
            expose_headers=["Retry-After", "Server-Timing", "X-Request-ID"],
        )
    app.add_middleware(middleware.Requests)
    if spans:
        app.add_middleware(Traces, spans=spans)
    if proxies := _listed(settings.trusted_proxies):
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)


def _spans(settings: Settings, tracer: Tracer) -> Spans:
    return Spans(
        tracer,
        "ollama" if settings.ollama_url else "llama_cpp",
        "elasticsearch" if settings.elasticsearch_url else None,
        settings.trace_content,
    )


def _listed(setting: str | None) -> list[str]:
    return [item.strip() for item in (setting or "").split(",") if item.strip()]


def _limit(setting: str | None) -> RateLimitItem | None:
    if not setting:
        return None
    try:
        (limit,) = limits.parse_many(setting)
        if limit.amount < 1:
            raise ValueError("nobody could ask")
    except ValueError as error:
        raise BadSettings(f"ASKD_RATE_LIMIT: {setting!r} is not one limit such as 60/minute") from error
    return limit
