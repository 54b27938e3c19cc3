"""What routes get from the application and from the request, and how long they may work on it.

Dependencies are coroutines, also where they await nothing: FastAPI runs plain functions in threads.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.answering.readiness import Readiness
from app.answering.service import Assistant, Reply
from app.api.access import Access
from app.api.context import RequestContext, context_of
from app.domain import Event
from app.feedback.report import Reporter
from app.feedback.service import Feedback
from app.telemetry.metrics import Metrics
from app.traffic.deadline import Deadline
from app.traffic.shutdown import GracefulShutdown, expire

TIMEOUT_HEADER = "X-Request-Timeout"
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")  # Python's float takes 1_0, inf and 1e400, too


@dataclass(frozen=True, slots=True)
class RequestTimeouts:
    """From the settings, and from the header X-Request-Timeout; in seconds."""

    default: float
    most: float

    def deadline(self, wanted: str | None, arrived: float) -> Deadline:
        """Counted from `arrived`, on the clock of the event loop; longer than `most` means `most`.

        Raises RequestValidationError for an invalid header.
        """
        if wanted is None:
            return Deadline.after(min(self.default, self.most), arrived)
        seconds = float(wanted) if _NUMBER.fullmatch(wanted) else 0.0
        if not seconds > 0:
            message = "must be a number of seconds greater than 0, such as 30 or 2.5"
            raise RequestValidationError(
                [{"type": "header", "loc": ("header", TIMEOUT_HEADER), "msg": message}]
            )
        return Deadline.after(min(seconds, self.most), arrived)


@dataclass(frozen=True)
class Service:
    """What the application has from its start on, before anything is opened."""

    timeouts: RequestTimeouts
    shutdown: GracefulShutdown
    metrics: Metrics
    access: Access
    chat_sources: bool = False  # ASKD_CHAT_SOURCES


def service_of(request: Request) -> Service:
    return cast(Service, request.app.state.service)


async def get_service(request: Request) -> Service:
    return service_of(request)


async def get_assistant(request: Request) -> Assistant:
    return cast(Assistant, request.state.assistant)


async def get_feedback(request: Request) -> Feedback:
    return cast(Feedback, request.state.feedback)


async def get_reporter(request: Request) -> Reporter:
    return cast(Reporter, request.state.reporter)


async def get_readiness(request: Request) -> Readiness:
    return cast(Readiness, request.state.readiness)


async def get_context(request: Request) -> RequestContext:
    return context_of(request.scope)


async def get_deadline(
    request: Request,
    context: Annotated[RequestContext, Depends(get_context)],
    x_request_timeout: Annotated[
        str | None,
        Header(
            alias=TIMEOUT_HEADER,
            description="seconds you wait for the answer; what cannot be answered in time is refused at once",
        ),
    ] = None,
) -> Deadline:
    return service_of(request).timeouts.deadline(x_request_timeout, context.arrived)


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
        async with _until_disconnect(request.receive), shutdown.interrupting():
            yield


@asynccontextmanager
async def opened_reply(
    opening: AbstractAsyncContextManager[Reply], request: Request, service: Service
) -> AsyncIterator[Reply]:
    """A reply for a stream: opening it stops when the caller disconnects; shutdown waits for its end."""
    with service.shutdown.request():
        async with AsyncExitStack() as opened:
            async with working(request):
                reply = await opened.enter_async_context(opening)
            yield reply


async def next_event(reply: Reply, service: Service) -> Event | None:
    """None after the last one. Raises ShuttingDown when the grace period of a shutdown ends."""
    async with service.shutdown.interrupting():
        return await anext(reply.events, None)


@asynccontextmanager
async def _until_disconnect(receive: Receive) -> AsyncIterator[None]:
    """Cancels the block when the caller closes the connection, and raises ClientDisconnect then.

    Starlette cancels nothing while a route works on its response. The body has to be read before.
    """
    listening = asyncio.ensure_future(_disconnected(receive))
    try:
        async with asyncio.timeout(None) as interruption:
            listening.add_done_callback(lambda _: expire(interruption))
            yield
    except TimeoutError:
        if interruption.expired():
            raise ClientDisconnect from None
        raise
    finally:
        listening.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


ServiceDep = Annotated[Service, Depends(get_service)]
AssistantDep = Annotated[Assistant, Depends(get_assistant)]
FeedbackDep = Annotated[Feedback, Depends(get_feedback)]
ReporterDep = Annotated[Reporter, Depends(get_reporter)]
ReadinessDep = Annotated[Readiness, Depends(get_readiness)]
ContextDep = Annotated[RequestContext, Depends(get_context)]
DeadlineDep = Annotated[Deadline, Depends(get_deadline)]
Fresh = Annotated[bool, Depends(wants_fresh)]
