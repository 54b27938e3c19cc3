"""A collector of traces that keeps what it gets."""

from collections.abc import Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class MemoryCollector:
    """An ASGI application; with another `status` it takes nothing."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.refused = 0
        self.headers: list[Headers] = []
        self.requests: list[ExportTraceServiceRequest] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        wanted = (request.method, request.url.path, request.headers.get("content-type"))
        assert wanted == ("POST", "/v1/traces", "application/x-protobuf"), wanted
        body = await request.body()
        self.headers.append(request.headers)
        if self.status == 200:
            self.requests.append(ExportTraceServiceRequest.FromString(body))
        else:
            self.refused += 1
        await Response(status_code=self.status)(scope, receive, send)

    @property
    def spans(self) -> Sequence[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
