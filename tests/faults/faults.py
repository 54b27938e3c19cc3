"""Faults on the way to a server, and what comes after them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.settings import Settings
from tests.faults.calls import CALLS, Call, Seen, made
from tests.live.problems import SECRET
from tests.live.serving import Service, serving
from tests.live.tcp_proxy import Fault, Once, TcpProxy, http_answer


@dataclass(frozen=True)
class Down:
    """Nothing listens any more, and who is connected is cut off."""


AnyFault = Fault | Once | Down


async def seen_by_all(settings: Settings, proxy: TcpProxy, fault: AnyFault) -> Seen:
    """What each call gets while the fault lasts; each from a service of its own, which was well before, and
    is well again once the fault is over."""
    return {name: await _seen(settings, proxy, fault, call) for name, call in CALLS.items()}


async def _seen(settings: Settings, proxy: TcpProxy, fault: AnyFault, call: Call) -> str:
    async with serving(settings) as service:
        await service.ready()
        async with injected(proxy, fault):
            seen = await made(call, service.client)
        await check_recovered(service)
    return seen


@asynccontextmanager
async def injected(proxy: TcpProxy, fault: AnyFault) -> AsyncIterator[None]:
    if isinstance(fault, Down):
        await proxy.close()
        yield
        await proxy.listen()
    else:
        # A new fault for each service.
        proxy.fault = Once(fault.fault) if isinstance(fault, Once) else fault
        yield
        proxy.fault = None


async def check_recovered(service: Service) -> None:
    assert await made(CALLS["search"], service.client) == "200 found"
    assert service.assistant.pipeline.admission.serving == 0


def answers(status: str, body: str, *headers: str) -> tuple[bytes]:
    return (http_answer(status, body, *headers),)


def html() -> tuple[bytes]:
    """Somebody else's server."""
    return answers("200 OK", f"<html>{SECRET}</html>", "content-type: text/html")
