"""What is traced of a question, over the fakes; that the spans arrive is shown in test_otlp.py."""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.api.dependencies import get_assistant, get_feedback
from app.api.traces import Traces
from app.embedders.base import Vector
from app.errors import AskdError, ModelTimeout, ModelUnavailable, SearchUnavailable
from app.indexes.base import SearchResult
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.telemetry.tracing import Tracing
from app.traffic.admission import Admission
from app.traffic.deadline import NEVER
from tests.support.app import app_of
from tests.support.assistant import assistant_of
from tests.support.faq import FAQ, JOIN
from tests.support.feedback import feedback_of
from tests.support.served import served

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}
GENERATE = LATE | {"mode": "generate"}
REPLY = "Yes, you can join at any time."
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class FailingIndex(MemoryIndex):
    failure: AskdError | None = None

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        if self.failure:
            raise self.failure
        return await super().search(
            question, vector=vector, collection=collection, size=size, context=context
        )


class Trace:
    """The spans that have ended so far, by their names."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return sorted(span.name for span in self.spans)

    def __getitem__(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def clear(self) -> None:
        self._exporter.clear()


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def identity(span: ReadableSpan) -> int:
    assert span.context
    return int(span.context.span_id)


@dataclass
class Stand:
    """The service over fakes, traced."""

    app: FastAPI
    index: FailingIndex
    llm: ScriptedModel
    trace: Trace
    admission: Admission

    async def post(
        self, path: str, body: dict[str, str] = LATE, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://askd") as client:
            return await client.post(path, json=body, headers=headers)


async def stand_of(*, content: bool = False, cache_entries: int = 0, database: str | None = None) -> Stand:
    index, admission, trace = FailingIndex(FAQ), Admission(), Trace()
    llm = ScriptedModel(script=["Yes, ", "you can join ", "at any time."], loaded=True)
    tracing = Tracing(trace.provider.get_tracer("test"), "ollama", database, content)
    assistant = assistant_of(index, llm, admission=admission, cache_entries=cache_entries, tracing=tracing)
    if cache_entries:
        await assistant.watch.look()
    app = app_of(assistant, index, llm)
    app.dependency_overrides[get_assistant] = lambda: assistant
    app.dependency_overrides[get_feedback] = lambda: feedback_of()
    app.add_middleware(Traces, tracing=tracing)
    return Stand(app, index, llm, trace, admission)


@pytest.fixture
async def stand() -> Stand:
    return await stand_of()


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_an_answer_is_a_span_with_its_stages_below(
    stand: Stand, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await stand.post(path, headers={"X-Request-ID": "my-id"})
    trace = stand.trace
    assert trace.names == sorted([f"POST {path}", "retrieve", "queue", "chat scripted"])
    root = trace[f"POST {path}"]
    assert root.kind is SpanKind.SERVER
    assert parent(root) is None
    assert attributes(root) == {
        "http.request.method": "POST",
        "http.route": path,
        "http.response.status_code": 200,
        "url.path": path,
        "url.scheme": "http",
        "askd.request_id": "my-id",
        "askd.status": "answered",
        "askd.origin": "generated",
        "askd.cached": False,
    }
    for span in trace.spans:
        assert span.status.status_code is StatusCode.UNSET
        if span is not root:
            assert parent(span) == identity(root)
            assert root.start_time <= span.start_time <= span.end_time <= root.end_time  # type: ignore[operator]
    assert REPLY in response.text
    # Nothing was left in another context than it was entered in.
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


async def test_the_models_span_says_what_the_conventions_ask_for(stand: Stand) -> None:
    usage = (await stand.post("/ask")).json()["usage"]
    chat = stand.trace["chat scripted"]
    assert chat.kind is SpanKind.CLIENT
    said = attributes(chat)
    first = said.pop("gen_ai.response.time_to_first_chunk")
    assert isinstance(first, float)
    assert 0 < first * 1e9 <= (chat.end_time or 0) - (chat.start_time or 0)
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "scripted",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "scripted",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": usage["prompt_tokens"],
        "gen_ai.usage.output_tokens": usage["completion_tokens"],
    }


async def test_an_answer_that_was_cut_says_so(stand: Stand) -> None:
    stand.llm.script = [f"word{number} " for number in range(70)]
    await stand.post("/ask", GENERATE)
    assert attributes(stand.trace["chat scripted"])["gen_ai.response.finish_reasons"] == ("length",)
    assert attributes(stand.trace["POST /ask"])["askd.notices"] == ("unsupported", "answer_cut")


async def test_retrieval_says_what_it_found_and_where() -> None:
    stand = await stand_of(database="elasticsearch")
    body = LATE | {"collection": "course"}
    found = (await stand.post("/search", body)).json()
    assert stand.trace.names == ["POST /search", "retrieve"]
    span = stand.trace["retrieve"]
    assert span.kind is SpanKind.CLIENT
    assert attributes(span) == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "course",
        "db.system.name": "elasticsearch",
        "askd.hits": len(found["hits"]),
        "askd.confidence": pytest.approx(found["confidence"], abs=1e-3),
    }
    assert not {"askd.status", "askd.cached"} & attributes(stand.trace["POST /search"]).keys()


async def test_what_no_model_wrote_has_no_span_of_a_model(stand: Stand) -> None:
    await stand.post("/ask", {"question": JOIN.question})
    assert stand.trace.names == ["POST /ask", "retrieve"]
    assert attributes(stand.trace["POST /ask"])["askd.origin"] == "extracted"
    stand.trace.clear()
    await stand.post("/ask", {"question": "Where is Paris?"})
    root = attributes(stand.trace["POST /ask"])
    assert root["askd.status"] == "no_answer"
    assert "askd.origin" not in root


# --- what was asked and answered -----------------------------------------------------------------


def everything(trace: Trace) -> str:
    return " ".join(span.to_json() for span in trace.spans)


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
@pytest.mark.parametrize("failure", [None, RuntimeError("join: at any time?")])
async def test_neither_question_nor_answer_is_told_by_default(
    stand: Stand, path: str, failure: Exception | None
) -> None:
    if failure:
        stand.llm.script = ["Yes, ", failure]
    await stand.post(path)
    await stand.post(path, {"question": "join", "joined": "any time"})  # a mistake that repeats its words
    told = everything(stand.trace)
    assert "retrieve" in told
    assert "join" not in told
    assert "any time" not in told


async def test_both_are_told_word_for_word_where_a_setting_says_so() -> None:
    stand = await stand_of(content=True)
    await stand.post("/ask")
    assert attributes(stand.trace["retrieve"])["gen_ai.retrieval.query.text"] == LATE["question"]
    chat = attributes(stand.trace["chat scripted"])
    (prompt,) = stand.llm.prompts
    assert json.loads(str(chat["gen_ai.input.messages"])) == [
        {"role": message.role, "parts": [{"type": "text", "content": message.content}]}
        for message in prompt.messages
    ]
    wrote = [{"role": "assistant", "parts": [{"type": "text", "content": REPLY}], "finish_reason": "stop"}]
    assert json.loads(str(chat["gen_ai.output.messages"])) == wrote
    (given,) = json.loads(str(attributes(stand.trace["POST /ask"])["gen_ai.output.messages"]))
    assert given["parts"][0]["content"].startswith(REPLY)


# --- failures ------------------------------------------------------------------------------------


def verdict(span: ReadableSpan) -> tuple[object, StatusCode]:
    assert not span.events  # an exception's message and traceback would be one
    assert span.status.description is None
    return attributes(span).get("error.type"), span.status.status_code


async def test_a_failed_search_fails_its_span_and_the_request(stand: Stand) -> None:
    stand.index.failure = SearchUnavailable("gone")
    await stand.post("/ask")
    assert stand.trace.names == ["POST /ask", "retrieve"]
    for span in stand.trace.spans:
        assert verdict(span) == ("search-unavailable", StatusCode.ERROR)
    assert attributes(stand.trace["POST /ask"])["http.response.status_code"] == 503


async def test_a_failed_model_fails_the_request_only_if_nothing_stands_in_for_it(stand: Stand) -> None:
    stand.llm.script = [ModelUnavailable("gone")]
    await stand.post("/ask", GENERATE)
    failed = ("model-unavailable", StatusCode.ERROR)
    assert verdict(stand.trace["chat scripted"]) == failed
    assert verdict(stand.trace["POST /ask"]) == failed
    assert verdict(stand.trace["queue"]) == verdict(stand.trace["retrieve"]) == (None, StatusCode.UNSET)
    stand.trace.clear()
    await stand.post("/ask")
    assert verdict(stand.trace["chat scripted"]) == failed
    root = stand.trace["POST /ask"]
    assert verdict(root) == (None, StatusCode.UNSET)
    assert attributes(root)["askd.notices"] == ("model_unavailable",)


async def test_a_failure_in_a_stream_that_has_begun_fails_it(stand: Stand) -> None:
    stand.llm.script = ["Yes, ", ModelTimeout("late")]
    stream = (await stand.post("/ask/stream", GENERATE)).text
    assert "event: error" in stream
    root = stand.trace["POST /ask/stream"]
    assert verdict(root) == ("model-timeout", StatusCode.ERROR)
    assert attributes(root)["http.response.status_code"] == 200


@pytest.mark.parametrize(
    ("body", "problem", "status"),
    [({"question": ""}, "invalid-request", 422), (LATE | {"collection": "no"}, "unknown-collection", 404)],
)
async def test_a_callers_mistake_is_named_and_is_no_error_of_the_service(
    stand: Stand, body: dict[str, str], problem: str, status: int
) -> None:
    await stand.post("/ask", body)
    root = stand.trace["POST /ask"]
    assert verdict(root) == (problem, StatusCode.UNSET)
    assert attributes(root)["http.response.status_code"] == status


async def test_what_nobody_expected_is_an_internal_error(stand: Stand) -> None:
    stand.llm.script = [RuntimeError("secret")]
    await stand.post("/ask", GENERATE)
    failed = ("internal-error", StatusCode.ERROR)
    assert verdict(stand.trace["chat scripted"]) == failed
    assert verdict(stand.trace["POST /ask"]) == failed
    assert attributes(stand.trace["POST /ask"])["http.response.status_code"] == 500
    assert "secret" not in everything(stand.trace)


async def test_a_wait_in_vain_is_seen_in_the_queue(stand: Stand) -> None:
    await stand.admission.enter(NEVER).turn()  # the only slot, for ever
    await stand.post("/ask", GENERATE, headers={"X-Request-Timeout": "1"})
    assert stand.trace.names == ["POST /ask", "queue", "retrieve"]
    assert verdict(stand.trace["queue"]) == ("overloaded", StatusCode.ERROR)
    assert verdict(stand.trace["POST /ask"]) == ("overloaded", StatusCode.ERROR)
    waited = (stand.trace["queue"].end_time or 0) - (stand.trace["queue"].start_time or 0)
    assert waited > 100_000_000


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_hang_up_is_no_failure_and_is_marked(
    stand: Stand, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    stand.llm.pause.clear()
    async with served(stand.app) as client:
        call = asyncio.create_task(client.post(path, json=LATE))
        while not stand.llm.prompts:
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait({call})
        while f"POST {path}" not in stand.trace.names:
            await asyncio.sleep(0.01)
    chat, root = stand.trace["chat scripted"], stand.trace[f"POST {path}"]
    assert attributes(chat)["askd.cancelled"] is True
    assert attributes(root)["askd.hung_up"] is True
    assert verdict(chat) == verdict(root) == (None, StatusCode.UNSET)
    assert not caplog.records


# --- answers that others had asked for -----------------------------------------------------------


async def test_a_kept_answer_is_said_to_be_one() -> None:
    stand = await stand_of(cache_entries=10)
    await stand.post("/ask")
    stand.trace.clear()
    for path in ("/ask", "/ask/stream"):
        await stand.post(path)
        assert attributes(stand.trace[f"POST {path}"])["askd.cached"] is True
    assert stand.trace.names == ["POST /ask", "POST /ask/stream"]


async def test_who_waits_for_what_another_began_has_no_span_of_the_model(stand: Stand) -> None:
    stand.llm.pause.clear()
    first = asyncio.create_task(stand.post("/ask", headers={"X-Request-ID": "first"}))
    while not stand.llm.prompts:
        await asyncio.sleep(0.01)
    second = asyncio.create_task(stand.post("/ask/stream"))
    await asyncio.sleep(0.05)
    stand.llm.pause.set()
    await asyncio.gather(first, second)
    own, joined = stand.trace["POST /ask"], stand.trace["POST /ask/stream"]
    assert attributes(joined)["askd.shared"] is True
    assert attributes(joined)["askd.origin"] == "generated"
    assert "askd.shared" not in attributes(own)
    assert {parent(stand.trace[name]) for name in ("retrieve", "queue", "chat scripted")} == {identity(own)}


# --- whose trace it is ---------------------------------------------------------------------------


async def test_a_callers_trace_goes_on(stand: Stand) -> None:
    await stand.post("/ask", headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"})
    root = stand.trace["POST /ask"]
    assert parent(root) == int(PARENT, 16)
    for span in stand.trace.spans:
        assert span.context
        assert span.context.trace_id == int(TRACE, 16)
        assert span.context.trace_state.to_header() == "vendor=1"


async def test_a_caller_may_ask_not_to_be_traced(stand: Stand) -> None:
    response = await stand.post("/ask", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert response.status_code == 200
    assert stand.trace.names == []


@pytest.mark.parametrize("given", ["", "nonsense", f"00-{TRACE}-{'0' * 16}-01", "é"])
async def test_a_traceparent_without_sense_begins_a_new_trace(stand: Stand, given: str) -> None:
    transport = httpx.ASGITransport(stand.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://askd") as client:
        headers = httpx.Headers({"traceparent": given}, encoding="utf-8")
        assert (await client.post("/ask", json=LATE, headers=headers)).status_code == 200
    assert parent(stand.trace["POST /ask"]) is None


async def test_other_routes_are_not_traced(stand: Stand) -> None:
    transport = httpx.ASGITransport(stand.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://askd") as client:
        for method, path in [("GET", "/livez"), ("GET", "/metrics"), ("GET", "/ask"), ("POST", "/nothing")]:
            await client.request(method, path)
    assert stand.trace.names == []
