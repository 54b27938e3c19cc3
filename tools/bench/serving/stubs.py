"""An Elasticsearch and an Ollama that answer at a set pace, count, and see who hangs up."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson

from app.domain import FaqEntry
from app.embedders.base import EmbedderInfo
from app.indexes.elasticsearch.mapping import STATISTICS_ID, mappings, statistics_document
from app.indexes.format import entry_data
from app.indexes.manifest import INDEX_SCHEMA, Manifest
from app.ingest.survey import survey
from app.ranking.text import WordCounter, entry_words
from tools.bench.serving.stub_http import Exchange, Handler, serving

MODEL = "stub:2b"
_SAMPLE = Path(__file__).parents[3] / "app" / "sample" / "faq.json"
_INDEX = "askd-stub"
_FOUND, _FOUND_BY_TUTORIAL = 30, 5  # hits: as many as they ask for


@dataclass(frozen=True)
class Pace:
    """Seconds; `slots` generations at once, the others wait in Ollama's own queue."""

    search: float = 0.0
    first_token: float = 0.0
    interval: float = 0.0  # between two tokens
    tokens: int = 64
    slots: int = 100_000

    @property
    def generation(self) -> float:
        return self.first_token + (self.tokens - 1) * self.interval


@dataclass
class Counts:
    searches: int = 0
    begun: int = 0  # generations
    finished: int = 0
    left: int = 0  # their caller hung up before the end


class Elasticsearch:
    """Finds the same entries for every question; each index has the fields that its service stores."""

    def __init__(self, entries: list[FaqEntry], embedder: EmbedderInfo | None) -> None:
        manifest = Manifest(
            version="stub",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            askd="stub",
            schema=INDEX_SCHEMA,
            language="english",
            digest="stub",
            collections=Counter(entry.collection for entry in entries),
            embedder=embedder,
        )
        counter = WordCounter()
        for entry in entries:
            counter.add(entry_words(entry))
        self.pace = Pace()
        self.counts = Counts()
        self._mapping = orjson.dumps({_INDEX: {"mappings": mappings("askd", manifest)}})
        statistics = statistics_document(counter.statistics())
        self._statistics = orjson.dumps(
            {"_index": _INDEX, "_id": STATISTICS_ID, "found": True, "_source": statistics}
        )
        found = list(islice(cycle(entries), _FOUND))
        self._searched = _search_result([_flat(entry) for entry in found[:_FOUND_BY_TUTORIAL]])
        records = _search_result([{"record": entry_data(entry)} for entry in found])
        self._response = records.replace(b"{", b'{"status":200,', 1)

    def handle(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        if path.endswith("/_mapping"):
            exchange.reply(self._mapping)
        elif "/_doc/" in path:
            exchange.reply(self._statistics)
        elif path.endswith("_msearch"):
            searches = exchange.body.count(b"\n") // 2
            responses = b",".join([self._response] * searches)
            self._later(lambda: exchange.reply(b'{"took":1,"responses":[%s]}' % responses))
        elif path.endswith("/_delete_by_query"):
            exchange.reply(b'{"deleted":0}')
        elif path.endswith("/_mget"):
            exchange.reply(b'{"docs":[]}')
        elif path.endswith("/_bulk"):
            exchange.reply(b'{"errors":false,"items":[]}')
        elif path.endswith("/_search"):
            self._later(lambda: exchange.reply(self._searched))
        else:
            exchange.reply(b"{}")

    def _later(self, reply: Callable[[], None]) -> None:
        self.counts.searches += 1
        due = time.perf_counter() + self.pace.search

        def look() -> None:
            if time.perf_counter() < due:
                _call_at(due, look)
            else:
                reply()

        look()


class Ollama:
    """Says the same at every question, token by token, from `slots` slots."""

    def __init__(self, answer: list[str]) -> None:
        self.pace = Pace()
        self.counts = Counts()
        self._words = answer
        self._busy = 0
        self._queue: deque[Generation] = deque()

    def handle(self, exchange: Exchange) -> None:
        match exchange.path:
            case "/api/chat" | "/api/generate":
                self._generate(exchange)
            case "/api/show":
                exchange.reply(_SHOWN)
            case "/api/version":
                exchange.reply(b'{"version":"0.34.4"}')
            case _:
                exchange.reply(_LISTED)

    def _generate(self, exchange: Exchange) -> None:
        body = orjson.loads(exchange.body)
        if not body["messages"]:
            exchange.reply(_line({"message": {"role": "assistant", "content": ""}, "done": True}))
            return
        generation = Generation(self, exchange, body)
        exchange.left = generation.leave
        self._queue.append(generation)
        self.dispatch()

    def tokens(self, generation: "Generation") -> list[str]:
        """What it says; asked for once, when a generation begins."""
        return [*islice(cycle(self._words), self.pace.tokens - 1), " [1]"]

    def dispatch(self) -> None:
        while self._queue and self._busy < self.pace.slots:
            self._busy += 1
            self._queue.popleft().begin()

    def leave_queue(self, generation: "Generation") -> None:
        if generation in self._queue:
            self._queue.remove(generation)

    def ended(self, generation: "Generation", *, left: bool) -> None:
        if left:
            self.counts.left += 1
        else:
            self.counts.finished += 1
        self._busy -= 1
        self.dispatch()


@dataclass(eq=False)
class Generation:
    ollama: Ollama
    exchange: Exchange
    body: Mapping[str, Any]
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)

    def begin(self) -> None:
        pace = self.ollama.pace
        self.ollama.counts.begun += 1
        self._started = time.perf_counter()
        self._at = 0
        self._tokens = self.ollama.tokens(self)
        if self.body.get("stream", True):
            self.exchange.begin()
            self._lines = [_said(token) for token in self._tokens]
            self._lines.append(_line(_done(pace.tokens) | {"message": {"role": "assistant", "content": ""}}))
            self._timer = _call_at(self._started + pace.first_token, self._send)
        else:
            self._timer = _call_at(self._started + pace.generation, self._reply)

    def leave(self) -> None:
        if self._timer is None:
            self.ollama.leave_queue(self)
        elif not self._timer.cancelled() and self._at >= 0:
            self._timer.cancel()
            self._at = -1
            self.ollama.ended(self, left=True)

    def _reply(self) -> None:
        if time.perf_counter() < (due := self._started + self.ollama.pace.generation):
            self._timer = _call_at(due, self._reply)
            return
        said = {"role": "assistant", "content": "".join(self._tokens)}
        self._end()
        self.exchange.reply(_line(_done(self.ollama.pace.tokens) | {"message": said}))

    def _send(self) -> None:
        """All that is due by now, each token in a write of its own."""
        pace = self.ollama.pace
        now = time.perf_counter()
        while (due := self._started + pace.first_token + self._at * pace.interval) <= now:
            self.exchange.piece(self._lines[self._at])
            self._at += 1
            if self._at == pace.tokens:
                line = self._lines[-1]
                self._end()
                self.exchange.piece(line, last=True)
                return
        self._timer = _call_at(due, self._send)

    def _end(self) -> None:
        self._at = -1
        self.ollama.ended(self, left=False)


def _call_at(due: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    """About then, by `time.perf_counter()`: timers of uvloop know whole milliseconds only."""
    return asyncio.get_running_loop().call_later(max(due - time.perf_counter(), 0.001), call)


@dataclass(frozen=True)
class Stubs:
    elasticsearch: Elasticsearch
    ollama: Ollama
    elasticsearch_url: str
    ollama_url: str
    question: str  # of which the first entry found holds every word
    best: str  # the id of that entry

    def begin(self, pace: Pace) -> None:
        """Count from nought, at this pace."""
        self.elasticsearch.pace = self.ollama.pace = pace
        self.elasticsearch.counts, self.ollama.counts = Counts(), Counts()


@asynccontextmanager
async def open_stubs(
    model: type[Ollama] = Ollama,
    serve: Callable[[Handler], AbstractAsyncContextManager[str]] = serving,
    embedder: EmbedderInfo | None = None,
) -> AsyncIterator[Stubs]:
    """With an `embedder` the index says that it was made with that one."""
    entries = list(survey([_SAMPLE], collection=None, strict=False).entries())
    best = entries[0]
    words = [word if place == 0 else f" {word}" for place, word in enumerate(best.answer.split())]
    elasticsearch, ollama = Elasticsearch(entries, embedder), model(words)
    async with AsyncExitStack() as opened:
        yield Stubs(
            elasticsearch,
            ollama,
            await opened.enter_async_context(serve(elasticsearch.handle)),
            await opened.enter_async_context(serve(ollama.handle)),
            # One question and one sentence: of several askd searches for each.
            f"{best.question.partition(' and ')[0].rstrip('?')}: {best.answer.partition('. ')[0]}",
            best.id,
        )


def _flat(entry: FaqEntry) -> dict[str, Any]:
    return {
        "question": entry.question,
        "text": entry.answer,
        "section": entry.section,
        "course": entry.collection,
    }


def _search_result(sources: list[dict[str, Any]]) -> bytes:
    # Scores that make sense as BM25 and as those of a cosine.
    hits = [
        {"_index": _INDEX, "_id": f"{place}", "_score": 1.0 - place / 100, "_source": source}
        for place, source in enumerate(sources)
    ]
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    return orjson.dumps({"took": 1, "timed_out": False, "_shards": shards, "hits": {"hits": hits}})


def _line(part: dict[str, Any]) -> bytes:
    return orjson.dumps({"model": MODEL, "created_at": "2026-01-01T00:00:00Z", **part}) + b"\n"


def _said(token: str) -> bytes:
    return _line({"message": {"role": "assistant", "content": token}, "done": False})


def _done(tokens: int) -> dict[str, Any]:
    durations = {"total_duration": 1, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 1}
    return {
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 500,
        "eval_count": tokens,
        **durations,
    }


_SHOWN = orjson.dumps(
    {
        "template": "{{ .System }} {{ .Prompt }}",
        "model_info": {
            "general.architecture": "stub",
            "general.parameter_count": 2_500_000_000,
            "stub.context_length": 8192,
        },
    }
)
_LISTED = orjson.dumps(
    {"models": [{"name": MODEL, "model": MODEL, "digest": "0" * 64, "size": 1, "size_vram": 0}]}
)
