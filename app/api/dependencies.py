"""What routes get from the application and from the request's headers.

Dependencies are coroutines, also where they await nothing: FastAPI runs plain functions in threads.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Request

from app.answering.readiness import Readiness
from app.answering.service import Assistant
from app.api.access import Access
from app.api.context import RequestContext, context_of
from app.api.disconnect import until_disconnect
from app.api.timeouts import HEADER, RequestTimeouts
from app.telemetry.metrics import Metrics
from app.traffic.deadline import Deadline
from app.traffic.shutdown import GracefulShutdown


@dataclass(frozen=True)
class Service:
    """What the application has from its start on, before anything is opened."""

    timeouts: RequestTimeouts
    shutdown: GracefulShutdown
    metrics: Metrics
    access: Access


def service_of(request: Request) -> Service:
    return cast(Service, request.app.state.service)


async def get_service(request: Request) -> Service:
    return service_of(request)


async def get_assistant(request: Request) -> Assistant:
    return cast(Assistant, request.state.assistant)


async def get_readiness(request: Request) -> Readiness:
    return cast(Readiness, request.state.readiness)


async def get_context(request: Request) -> RequestContext:
    return context_of(request.scope)


async def get_deadline(
    request: Request,
    x_request_timeout: Annotated[
        str | None,
        Header(
            alias=HEADER,
            description="seconds you wait for the answer; what cannot be answered in time is refused at once",
        ),
    ] = None,
) -> Deadline:
    return service_of(request).timeouts.deadline(x_request_timeout)


async def wants_fresh(
    cache_control: Annotated[
        str | None, Header(description="`no-cache`: a new answer is written, no cached one sent")
    ] = None,
) -> bool:
    return cache_control is not None and "no-cache" in cache_control.lower()


@asynccontextmanager
async def working(request: Request) -> AsyncIterator[None]:
    """Cancels the block when the caller hangs up, or when the grace period of a shutdown ends.

    Raises ClientDisconnect or ShuttingDown then.
    """
    shutdown = service_of(request).shutdown
    shutdown.check()
    with shutdown.request():
        async with until_disconnect(request.receive), shutdown.interrupting():
            yield


ServiceDep = Annotated[Service, Depends(get_service)]
AssistantDep = Annotated[Assistant, Depends(get_assistant)]
ReadinessDep = Annotated[Readiness, Depends(get_readiness)]
ContextDep = Annotated[RequestContext, Depends(get_context)]
DeadlineDep = Annotated[Deadline, Depends(get_deadline)]
Fresh = Annotated[bool, Depends(wants_fresh)]
