"""Sends spans to an OpenTelemetry collector (OTLP over HTTP) with OpenTelemetry's SDK."""

import asyncio
import logging
from collections.abc import Sequence
from importlib.metadata import version
from threading import Thread
from types import TracebackType
from typing import Self

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer
from pydantic import AnyHttpUrl

log = logging.getLogger(__name__)

_QUEUE = 2048  # spans; further ones are dropped while it is full
_PERIOD = 1.0  # seconds between batches
_TIMEOUT = 5.0  # seconds for a batch, retries included
_FLUSH_SECONDS = 2.0  # seconds to flush at shutdown
# They log every batch that fails; `_Reported` logs it once.
_NOISY_LOGGERS = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")


class Collector:
    """Exports the spans of its `tracer` in batches, from a thread of its own: while the collector is down,
    spans are lost and nothing else happens. An async context manager: leaving it flushes for two seconds at
    most."""

    def __init__(self, url: AnyHttpUrl) -> None:
        for name in _NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        session = requests.Session()
        session.trust_env = False  # no proxies, as for the other servers
        exporter = OTLPSpanExporter(f"{str(url).rstrip('/')}/v1/traces", timeout=_TIMEOUT, session=session)
        self._exporter = _Reported(exporter, f"{url.host}:{url.port}")
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(self._exporter, max_queue_size=_QUEUE, schedule_delay_millis=_PERIOD * 1000)
        )

    @property
    def tracer(self) -> Tracer:
        return self._provider.get_tracer("askd", version("askd"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The provider would wait half a minute, and has no option against it.
        flushing = Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, _FLUSH_SECONDS)
        self._exporter.shutdown()


class _Reported(SpanExporter):
    """Another exporter, whose failures are logged when they begin and when they end."""

    def __init__(self, exporter: SpanExporter, collector: str) -> None:
        self._exporter = exporter
        self._collector = collector  # host and port: the rest of an URL may be secret
        self._works = True
        self._closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._closed:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        works = result is SpanExportResult.SUCCESS
        if works and not self._works:
            log.info("traces are sent again", extra={"collector": self._collector})
        if self._works and not works:
            log.warning("traces cannot be sent, and are dropped", extra={"collector": self._collector})
        self._works = works
        return result

    def shutdown(self) -> None:
        """Gives up batches that wait for a retry."""
        if not self._closed:
            self._closed = True
            self._exporter.shutdown()


def _resource() -> Resource:
    """askd, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say otherwise."""
    ours = Resource.create({"service.name": "askd", "service.version": version("askd")})
    return ours.merge(OTELResourceDetector().detect())
