"""What askd tells Prometheus: counted as it happens, or read from the service when it is asked."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answering.service import Assistant
from app.domain import Answer
from app.traffic.admission import Admission
from app.traffic.circuit_breaker import Breaker, State
from app.traffic.resilience import GuardedIndex, GuardedModel

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter, that nobody reads

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100)
_POSITIONS = (0, 1, 2, 5, 10, 20, 50, 100, 200)
_TOKENS_PER_SECOND = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_BREAKER = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class Metrics:
    """Counters of one service, with a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        # By their labels, of which there are few: to look each up anew takes longer than to count.
        self._requests = cache(
            self._counter("requests", "HTTP responses", "route", "status", "problem").labels
        )
        self._seconds = cache(self._histogram("request_seconds", "from request to last byte", "route").labels)
        self._cancellations = cache(self._counter("cancellations", "callers who hung up", "route").labels)
        self._answers = cache(self._counter("answers", "answers given", "status", "origin", "cached").labels)
        self._notices = cache(self._counter("notices", "notices on answers", "code").labels)
        self._retrieval = self._histogram("retrieval_seconds", "retrieval, with the embedding")
        self._queue_wait = self._histogram("queue_wait_seconds", "waiting for a generation slot")
        self._queue_position = self._histogram(
            "queue_position", "who had to end before an answer began", buckets=_POSITIONS
        )
        self._first_token = self._histogram("first_token_seconds", "from question to first token")
        self._pace = self._histogram(
            "tokens_per_second", "of an answer after its first token", buckets=_TOKENS_PER_SECOND
        )
        self._prompt_tokens = self._counter("prompt_tokens", "tokens of the prompts of generated answers")
        self._completion_tokens = self._counter("completion_tokens", "tokens of generated answers")

    def observe(self, assistant: Assistant) -> None:
        """Tell of its queue, cache, breakers and model, too."""
        self._registry.register(_Live(assistant))

    def exposition(self) -> bytes:
        return generate_latest(self._registry)

    def responded(self, route: str, status: int | None, problem: str, seconds: float, *, left: bool) -> None:
        """A request has ended; `status` is None when its caller left before there was one."""
        if left:
            self._cancellations(route).inc()
        if status is not None:
            self._requests(route, str(status), problem).inc()
            self._seconds(route).observe(seconds)

    def answered(self, answer: Answer) -> None:
        origin = answer.origin.value if answer.origin else ""
        self._answers(answer.status.value, origin, "true" if answer.cached else "false").inc()
        for notice in answer.notices:
            self._notices(notice.code).inc()

    def made(self, answer: Answer) -> None:
        """The work for it is done, once for all who share it."""
        timings = answer.timings
        self._retrieval.observe(timings.retrieve / 1000)
        if answer.usage is None:
            return
        self._queue_wait.observe(timings.queue / 1000)
        self._queue_position.observe(timings.queue_position)
        self._prompt_tokens.inc(answer.usage.prompt_tokens)
        self._completion_tokens.inc(answer.usage.completion_tokens)
        if timings.first_token is not None:
            self._first_token.observe(timings.first_token / 1000)
            writing = (timings.total - timings.first_token) / 1000
            if writing > 0:
                self._pace.observe((answer.usage.completion_tokens - 1) / writing)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"askd_{name}", what, labels, registry=self._registry)

    def _histogram(
        self, name: str, what: str, *labels: str, buckets: tuple[float, ...] = _SECONDS
    ) -> Histogram:
        return Histogram(f"askd_{name}", what, labels, buckets=buckets, registry=self._registry)


class _Live(Collector):
    """How things stand when Prometheus asks."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def collect(self) -> Iterator[Metric]:
        info = InfoMetricFamily("askd", "this service")
        info.add_metric([], {"version": version("askd"), "model": self._assistant.watch.model})
        yield info
        yield from _queue(self._assistant.pipeline.admission)
        cache = self._assistant.cache
        yield GaugeMetricFamily("askd_cache_entries", "answers kept", len(cache))
        yield GaugeMetricFamily("askd_cache_bytes", "memory of the answers kept, about", cache.size_bytes)
        yield _breakers(self._assistant)
        yield from _model(self._assistant)


def _queue(admission: Admission) -> Iterator[Metric]:
    yield GaugeMetricFamily("askd_queue_waiting", "questions that wait for a slot", admission.waiting)
    yield GaugeMetricFamily("askd_slots_serving", "generations running", admission.serving)
    yield GaugeMetricFamily(
        "askd_predicted_wait_seconds", "until who comes now would have a slot", admission.predicted_wait
    )


def _breakers(assistant: Assistant) -> Metric:
    family = GaugeMetricFamily("askd_breaker_state", "0 closed, 1 half-open, 2 open", labels=["backend"])
    guards = {"index": assistant.pipeline.index, "model": assistant.pipeline.llm}
    for backend, guarded in guards.items():
        breaker: Breaker | None = (
            guarded.breaker if isinstance(guarded, GuardedIndex | GuardedModel) else None
        )
        family.add_metric([backend], _BREAKER[breaker.state] if breaker else 0)  # in process: none is needed
    return family


def _model(assistant: Assistant) -> Iterator[Metric]:
    status = assistant.watch.status
    yield GaugeMetricFamily(
        "askd_model_loaded", "1 when it is in memory", int(bool(status and status.loaded))
    )
    memory = GaugeMetricFamily("askd_model_memory_bytes", "of the model, where it lies", labels=["where"])
    if status and status.size_bytes is not None:
        gpu = status.gpu_bytes or 0
        memory.add_metric(["gpu"], gpu)
        memory.add_metric(["cpu"], status.size_bytes - gpu)
    yield memory
