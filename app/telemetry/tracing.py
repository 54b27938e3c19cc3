"""A question's stages as OpenTelemetry spans: retrieval, the wait for a slot, the model.

Thin helpers over OpenTelemetry's API: without a tracer they do nothing. Names and attributes are those of
OpenTelemetry's conventions for generative AI where there are any, `askd.…` else. A span never holds an
error's message, and no text of a question or an answer unless ASKD_TRACE_CONTENT says so.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.util.types import AttributeValue

from app.domain import Answer, Question, Usage
from app.errors import AskdError, name_of

INTERNAL_ERROR = "internal-error"  # `error.type` of what askd did not raise on purpose
_NO_TRACER = NoOpTracer()


@dataclass(frozen=True)
class Tracing:
    """Starts spans, as children of the current one."""

    tracer: Tracer = _NO_TRACER
    model_provider: str = ""  # runtime of the model: ollama, llama_cpp
    database: str | None = None  # what the index is in, where that is a server
    content: bool = False  # whether questions and answers are recorded, word for word

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue],
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
    ) -> Iterator[Span]:
        """A span that ends with the block and records how it ended. It does not become the current span: a
        generator may be suspended in the block, and closed in another context."""
        span = self.tracer.start_span(name, parent, kind, attributes)
        try:
            yield span
        except asyncio.CancelledError:
            span.set_attribute("askd.cancelled", True)
            raise
        except AskdError as error:
            fail(span, name_of(type(error)))
            raise
        except Exception:
            fail(span, INTERNAL_ERROR)
            raise
        finally:
            span.end()

    @contextmanager
    def retrieval(self, question: Question) -> Iterator[Span]:
        attributes: dict[str, AttributeValue] = {"gen_ai.operation.name": "retrieval"}
        if question.collection is not None:
            attributes["gen_ai.data_source.id"] = question.collection
        if self.database:
            attributes["db.system.name"] = self.database
        if self.content:
            attributes["gen_ai.retrieval.query.text"] = question.text
        kind = SpanKind.CLIENT if self.database else SpanKind.INTERNAL
        with self.span("retrieve", attributes, kind) as span:
            yield span

    @contextmanager
    def generation(
        self, model: str, max_tokens: int, messages: Iterable[tuple[str, str]]
    ) -> Iterator["GenerationSpan"]:
        """`messages` are role and content of each message of the prompt."""
        attributes: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self.model_provider,
            "gen_ai.request.model": model,
            "gen_ai.request.max_tokens": max_tokens,
            "gen_ai.request.stream": True,
        }
        if self.content:
            attributes["gen_ai.input.messages"] = _json([_message(role, text) for role, text in messages])
        with self.span(f"chat {model}", attributes, SpanKind.CLIENT) as span:
            yield GenerationSpan(span, model, self.content)

    def record_answer(self, answer: Answer) -> None:
        """On the current span, the request's."""
        span = get_current_span()
        span.set_attribute("askd.status", answer.status.value)
        span.set_attribute("askd.cached", answer.cached)
        if answer.origin:
            span.set_attribute("askd.origin", answer.origin.value)
        if answer.notices:
            span.set_attribute("askd.notices", [notice.code for notice in answer.notices])
        if self.content:
            span.set_attribute("gen_ai.output.messages", _output(answer.text, "stop"))


NO_TRACING = Tracing()


class GenerationSpan:
    """The span of a reply that is being streamed."""

    def __init__(self, span: Span, model: str, content: bool) -> None:
        self._span = span
        self._model = model
        self._content = content
        self._started = time.perf_counter()
        self._begun = False
        self._text: list[str] = []

    def record(self, text: str, usage: Usage | None, cut: bool) -> None:
        """The next chunk; the last one carries the usage."""
        if text and not self._begun:
            self._begun = True
            wait = time.perf_counter() - self._started
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", wait)
        if self._content:
            self._text.append(text)
        if usage:
            self._finish(usage, "length" if cut else "stop")

    def _finish(self, usage: Usage, reason: str) -> None:
        self._span.set_attribute("gen_ai.response.model", self._model)
        self._span.set_attribute("gen_ai.response.finish_reasons", [reason])
        self._span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
        self._span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
        if self._content:
            self._span.set_attribute("gen_ai.output.messages", _output("".join(self._text), reason))


def fail(span: Span, problem: str, *, ours: bool = True) -> None:
    """`ours`: whether askd, or a backend of it, is to blame and not the caller."""
    span.set_attribute("error.type", problem)
    if ours:
        span.set_status(StatusCode.ERROR)


def record_shared() -> None:
    """On the current span: another request began the work, and has the model's span in its trace."""
    get_current_span().set_attribute("askd.shared", True)


def _output(text: str, reason: str) -> str:
    """As `gen_ai.output.messages` has it; `reason`: why it ended."""
    return _json([_message("assistant", text) | {"finish_reason": reason}])


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _json(content: Sequence[Mapping[str, object]]) -> str:
    return json.dumps(content, ensure_ascii=False)
