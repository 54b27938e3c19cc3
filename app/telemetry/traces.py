"""A span for each question, from its first byte to its answer's last. All of it is absent unless a setting
turns it on."""

from dataclasses import replace

from opentelemetry.trace import Span, SpanKind, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answering.service import Assistant
from app.api.context import context_of
from app.api.routes import QUESTION_PATHS
from app.domain import Answer
from app.telemetry.spans import Spans, TracedModel, TracedPipeline, fail, output

_PROPAGATOR = TraceContextTextMapPropagator()


class Traces:
    """Pure ASGI, outside of `Requests`, whose verdicts it reads: id, problem, hang-up."""

    def __init__(self, app: ASGIApp, spans: Spans) -> None:
        self.app = app
        self._spans = spans

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
        about = {
            "http.request.method": "POST",
            "http.route": route,
            "url.path": route,
            "url.scheme": scope.get("scheme", "http"),
        }
        parent = _PROPAGATOR.extract(Headers(scope=scope))
        # A coroutine is left where it was entered: here, and only here, a span may be the current one.
        with (
            self._spans.begin(f"POST {route}", about, SpanKind.SERVER, parent) as span,
            use_span(span, record_exception=False, set_status_on_exception=False),
        ):
            try:
                await self.app(scope, receive, noting)
            finally:
                _note(span, scope, status)


def _note(span: Span, scope: Scope, status: int | None) -> None:
    context = context_of(scope)
    span.set_attribute("askd.request_id", context.id)
    if status is not None:  # else the caller left before there was one
        span.set_attribute("http.response.status_code", status)
    if context.hung_up:
        span.set_attribute("askd.hung_up", True)
    if context.problem:
        fail(span, context.problem, ours=status is None or not 400 <= status < 500)


def traced(assistant: Assistant, spans: Spans) -> Assistant:
    """The same assistant; its stages are spans, and the request's span is told of its answers."""

    def given(answer: Answer) -> None:
        assistant.given(answer)
        _tell(get_current_span(), answer, spans.content)

    def joined() -> None:
        assistant.joined()
        get_current_span().set_attribute("askd.shared", True)  # the model's span is in the other's trace

    parts = vars(assistant.pipeline) | {"llm": TracedModel(assistant.pipeline.llm, spans)}
    return replace(assistant, pipeline=TracedPipeline(**parts, spans=spans), given=given, joined=joined)


def _tell(span: Span, answer: Answer, content: bool) -> None:
    span.set_attribute("askd.status", answer.status.value)
    span.set_attribute("askd.cached", answer.cached)
    if answer.origin:
        span.set_attribute("askd.origin", answer.origin.value)
    if answer.notices:
        span.set_attribute("askd.notices", [notice.code for notice in answer.notices])
    if content:
        span.set_attribute("gen_ai.output.messages", output(answer.text, "stop"))
