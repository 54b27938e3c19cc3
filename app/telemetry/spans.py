"""A question's stages as OpenTelemetry spans: retrieval, the wait for a slot, the model.

Their names and attributes are those of OpenTelemetry's conventions for generative AI where there are any,
`askd.…` else. A span never holds an error's message, and no text of a question or an answer unless asked to.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from app.answering.pipeline import Found, Pipeline
from app.api.problems import PLAIN, name_of
from app.domain import Question
from app.errors import AskdError
from app.models.base import Chunk, LanguageModel, ModelProfile, ModelStatus, Prompt
from app.traffic.admission import Place
from app.traffic.deadline import NEVER, Deadline


@dataclass(frozen=True)
class Spans:
    """Begins spans, as children of the one that is current."""

    tracer: Tracer
    provider: str  # who runs the model: ollama, llama_cpp
    database: str | None = None  # what the index is in, where that is a server
    content: bool = False  # whether questions and answers go in, word for word

    @contextmanager
    def begin(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue],
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
    ) -> Iterator[Span]:
        """Ends with the block, and says how that ended. It does not become the current one: a generator may
        be suspended in the block, and closed elsewhere."""
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
            fail(span, PLAIN[500])
            raise
        finally:
            span.end()


def fail(span: Span, problem: str, *, ours: bool = True) -> None:
    """`ours`: whether askd, or what it asks, is to blame and not the caller."""
    span.set_attribute("error.type", problem)
    if ours:
        span.set_status(StatusCode.ERROR)


def output(text: str, reason: str) -> str:
    """As `gen_ai.output.messages` has it; `reason`: why it ended."""
    return _json([_message("assistant", text) | {"finish_reason": reason}])


@dataclass(frozen=True, kw_only=True)
class TracedPipeline(Pipeline):
    spans: Spans

    async def find(self, question: Question, deadline: Deadline = NEVER) -> Found:
        about: dict[str, AttributeValue] = {"gen_ai.operation.name": "retrieval"}
        if question.collection is not None:
            about["gen_ai.data_source.id"] = question.collection
        if self.spans.database:
            about["db.system.name"] = self.spans.database
        if self.spans.content:
            about["gen_ai.retrieval.query.text"] = question.text
        kind = SpanKind.CLIENT if self.spans.database else SpanKind.INTERNAL
        with self.spans.begin("retrieve", about, kind) as span:
            found = await super().find(question, deadline)
            span.set_attribute("askd.hits", len(found.ranking.hits))
            if found.ranking.confidence is not None:
                span.set_attribute("askd.confidence", found.ranking.confidence)
        return found

    async def turn(self, place: Place) -> None:
        with self.spans.begin("queue", {"askd.queue_position": place.ahead}):
            await super().turn(place)


class TracedModel:
    """A `LanguageModel` that asks another one; a second try of that one is part of the span."""

    def __init__(self, llm: LanguageModel, spans: Spans) -> None:
        self._llm = llm
        self._spans = spans

    async def load(self) -> None:
        await self._llm.load()

    async def status(self) -> ModelStatus:
        return await self._llm.status()

    async def profile(self) -> ModelProfile:
        return await self._llm.profile()

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return await self._llm.count_tokens(texts)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Chunk]:
        model = (await self._llm.profile()).name
        about: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self._spans.provider,
            "gen_ai.request.model": model,
            "gen_ai.request.max_tokens": prompt.max_answer_tokens,
            "gen_ai.request.stream": True,
        }
        if self._spans.content:
            sent = [_message(message.role, message.content) for message in prompt.messages]
            about["gen_ai.input.messages"] = _json(sent)
        with self._spans.begin(f"chat {model}", about, SpanKind.CLIENT) as span:
            began = time.perf_counter()
            said = ""
            async with aclosing(self._llm.generate(prompt)) as chunks:
                async for chunk in chunks:
                    if chunk.text and not said:
                        wait = time.perf_counter() - began
                        span.set_attribute("gen_ai.response.time_to_first_chunk", wait)
                    said += chunk.text
                    if chunk.usage:
                        self._finish(span, model, chunk, said)
                    yield chunk

    def _finish(self, span: Span, model: str, last: Chunk, said: str) -> None:
        reason = "length" if last.cut else "stop"
        span.set_attribute("gen_ai.response.model", model)
        span.set_attribute("gen_ai.response.finish_reasons", [reason])
        if last.usage:
            span.set_attribute("gen_ai.usage.input_tokens", last.usage.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", last.usage.completion_tokens)
        if self._spans.content:
            span.set_attribute("gen_ai.output.messages", output(said, reason))


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _json(content: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(content, ensure_ascii=False)
