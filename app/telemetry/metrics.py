"""Metrics for Prometheus: counters and histograms, and gauges that are read when Prometheus asks.

Which gauges there are: app/answering/gauges.py. With several workers they are those of all, see
worker_metrics.py.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import cache

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

from app.domain import Answer
from app.telemetry.worker_metrics import Across, WorkerGauges, is_one_of_several, register_workers

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter, of no use here

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100)
_POSITIONS = (0, 1, 2, 5, 10, 20, 50, 100, 200)
_REFRESH_SECONDS = 1.0
_TOKENS_PER_SECOND = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """The metrics of one service, with a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._workers = WorkerGauges() if is_one_of_several() else None
        self._own: CollectorRegistry | None = self._registry
        if self._workers:
            register_workers(self._registry)
            self._own = None  # counted by way of the workers' files
        else:
            ProcessCollector(registry=self._registry)
        # The children are cached by their labels, of which there are few: looking one up costs more than
        # counting.
        self._requests = cache(
            self._counter("requests", "HTTP responses", "route", "status", "problem").labels
        )
        self._seconds = cache(
            self._histogram("request_seconds", "Time from request to last byte", "route").labels
        )
        self._cancellations = cache(
            self._counter("cancellations", "Requests whose caller hung up", "route").labels
        )
        self._answers = cache(
            self._counter("answers", "Answers returned", "status", "origin", "cached").labels
        )
        self._notices = cache(self._counter("notices", "Notices on answers", "code").labels)
        self._feedback = cache(self._counter("feedback", "Verdicts on answers", "helpful").labels)
        self._dropped = self._counter(
            "feedback_outcomes_dropped", "Outcomes of answers that were not recorded for `askd gaps`"
        )
        self._retrieval = self._histogram("retrieval_seconds", "Time for retrieval, embedding included")
        self._queue_wait = self._histogram("queue_wait_seconds", "Wait for a generation slot")
        self._queue_position = self._histogram(
            "queue_position", "Generations that had to end before this one could begin", buckets=_POSITIONS
        )
        self._first_token = self._histogram("first_token_seconds", "Time from question to first token")
        self._pace = self._histogram(
            "tokens_per_second", "Generation speed after the first token", buckets=_TOKENS_PER_SECOND
        )
        self._prompt_tokens = self._counter("prompt_tokens", "Tokens in the prompts of generated answers")
        self._cached_tokens = self._counter(
            "prompt_tokens_cached", "Of those the ones that the model had in its cache"
        )
        self._completion_tokens = self._counter("completion_tokens", "Tokens in generated answers")

    def exposition(self) -> bytes:
        if self._workers:
            self._workers.refresh()
        return generate_latest(self._registry)

    async def keep_fresh(self) -> None:
        """Never returns. Another worker may be the one that Prometheus asks."""
        while self._workers:
            self._workers.refresh()
            await asyncio.sleep(_REFRESH_SECONDS)

    def gauge(self, name: str, help_text: str, read: Callable[[], float], across: Across = "sum") -> None:
        """A gauge whose value is read when Prometheus asks; `across` several workers it is made so."""
        if self._workers:
            self._workers.add(f"askd_{name}", help_text, read, across)
            return

        def collect() -> Metric:
            return GaugeMetricFamily(f"askd_{name}", help_text, read())

        self._registry.register(_OnDemand(collect))

    def gauges(
        self,
        name: str,
        help_text: str,
        label: str,
        read: Callable[[], Mapping[str, float]],
        across: Across = "sum",
    ) -> None:
        """The same with a label, whose values are the keys of what is read."""
        if self._workers:
            self._workers.add_labelled(f"askd_{name}", help_text, label, read, across)
            return

        def collect() -> Metric:
            family = GaugeMetricFamily(f"askd_{name}", help_text, labels=[label])
            for value, reading in read().items():
                family.add_metric([value], reading)
            return family

        self._registry.register(_OnDemand(collect))

    def info(self, read: Callable[[], Mapping[str, str]]) -> None:
        """Facts about this service that are text, as labels of `askd_info`."""

        def collect() -> Metric:
            family = InfoMetricFamily("askd", "Facts about this service")
            family.add_metric([], dict(read()))
            return family

        self._registry.register(_OnDemand(collect))

    def responded(self, route: str, status: int | None, problem: str, seconds: float, *, left: bool) -> None:
        """A request has ended; `status` is None when its caller left before there was one."""
        if left:
            self._cancellations(route).inc()
        if status is not None:
            self._requests(route, str(status), problem).inc()
            self._seconds(route).observe(seconds)

    def answered(self, answer: Answer) -> None:
        """A caller gets this answer."""
        origin = answer.origin.value if answer.origin else ""
        self._answers(answer.status.value, origin, "true" if answer.cached else "false").inc()
        for notice in answer.notices:
            self._notices(notice.code).inc()

    def feedback_given(self, helpful: bool) -> None:
        self._feedback("true" if helpful else "false").inc()

    def outcomes_dropped(self, number: int) -> None:
        self._dropped.inc(number)

    def generated(self, answer: Answer) -> None:
        """The work for this answer has been done, once for all callers who share it."""
        timings = answer.timings
        self._retrieval.observe(timings.retrieve / 1000)
        if answer.usage is None:
            return
        self._queue_wait.observe(timings.queue / 1000)
        self._queue_position.observe(timings.queue_position)
        self._prompt_tokens.inc(answer.usage.prompt_tokens)
        self._cached_tokens.inc(answer.usage.cached_tokens or 0)
        self._completion_tokens.inc(answer.usage.completion_tokens)
        if timings.first_token is not None:
            self._first_token.observe(timings.first_token / 1000)
            writing = (timings.total - timings.first_token) / 1000
            if writing > 0:
                self._pace.observe((answer.usage.completion_tokens - 1) / writing)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"askd_{name}", help_text, labels, registry=self._own)

    def _histogram(
        self, name: str, help_text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS
    ) -> Histogram:
        return Histogram(f"askd_{name}", help_text, labels, buckets=buckets, registry=self._own)


class _OnDemand(Collector):
    """One metric, collected when Prometheus asks."""

    def __init__(self, read: Callable[[], Metric]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield self._read()
