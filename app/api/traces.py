"""A span for each question, from its first byte to its answer's last; only when a setting turns it on."""

from opentelemetry.trace import Span, SpanKind, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import context_of
from app.api.routes import QUESTION_PATHS
from app.telemetry.tracing import Tracing, fail

_PROPAGATOR = TraceContextTextMapPropagator()


class Traces:
    """Pure ASGI, outside of `Requests`, whose verdicts it reads: id, problem, hang-up."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in QUESTION_PATHS:
            await self.app(scope, receive, send)
            return
        status: int | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        route = scope["path"]
        attributes = {
            "http.request.method": "POST",
            "http.route": route,
            "url.path": route,
            "url.scheme": scope.get("scheme", "http"),
        }
        parent = _PROPAGATOR.extract(Headers(scope=scope))
        # A coroutine is left in the context it was entered in: only here may a span be the current one.
        with (
            self._tracing.span(f"POST {route}", attributes, SpanKind.SERVER, parent) as span,
            use_span(span, record_exception=False, set_status_on_exception=False),
        ):
            try:
                await self.app(scope, receive, noting)
            finally:
                _record(span, scope, status)


def _record(span: Span, scope: Scope, status: int | None) -> None:
    context = context_of(scope)
    span.set_attribute("askd.request_id", context.id)
    if status is not None:  # else the caller left before there was one
        span.set_attribute("http.response.status_code", status)
    if context.hung_up:
        span.set_attribute("askd.hung_up", True)
    if context.problem:
        fail(span, context.problem, ours=status is None or not 400 <= status < 500)
