"""Gauges that tell Prometheus how queue, cache, circuit breakers and model are now."""

from collections.abc import Mapping
from importlib.metadata import version

from app.answering.service import Assistant
from app.telemetry.metrics import Metrics
from app.traffic.circuit_breaker import CircuitBreaker, State

_BREAKER = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


def register_gauges(metrics: Metrics, assistant: Assistant, breakers: Mapping[str, CircuitBreaker]) -> None:
    """`breakers` by the backend that they guard."""
    admission, cache, watch = assistant.pipeline.admission, assistant.cache, assistant.watch

    def model_memory() -> Mapping[str, float]:
        status = watch.status
        if status is None or status.size_bytes is None:
            return {}
        gpu = status.gpu_bytes or 0
        return {"gpu": gpu, "cpu": status.size_bytes - gpu}

    metrics.info(lambda: {"version": version("askd"), "model": watch.model})
    metrics.gauge("queue_waiting", "Questions waiting for a generation slot", lambda: admission.waiting)
    metrics.gauge("slots_serving", "Generations running", lambda: admission.serving)
    metrics.gauge(
        "predicted_wait_seconds",
        "Predicted wait for a request arriving now",
        lambda: admission.predicted_wait,
        across="max",
    )
    metrics.gauge("cache_entries", "Answers in the cache", lambda: len(cache))
    metrics.gauge("cache_bytes", "Approximate memory of the cached answers", lambda: cache.size_bytes)
    metrics.gauges(
        "breaker_state",
        "Circuit breaker: 0 closed, 1 half-open, 2 open",
        "backend",
        lambda: {backend: _BREAKER[breaker.state] for backend, breaker in breakers.items()},
        across="max",
    )
    metrics.gauge(
        "model_loaded",
        "1 when the model is in memory",
        lambda: bool(watch.status and watch.status.loaded),
        across="min",
    )
    metrics.gauges(
        "model_server_up",
        "Of several model servers: 1 when the model is in memory there",
        "server",
        lambda: {
            server: told is None for server, told in (watch.status.servers if watch.status else {}).items()
        },
        across="min",
    )
    # Of a server's model, which every worker tells of; of embedded ones, the largest.
    metrics.gauges(
        "model_memory_bytes", "Memory of the model, by where it is", "where", model_memory, across="max"
    )
