"""Valkey, in trouble: callers see nothing of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.calls import WRITTEN, seen_by
from tests.faults.models import made_up
from tests.faults.page import Page
from tests.live.serving import Chosen, Service, serving, settings_of
from tests.support.valkey import ValkeyServer, valkey_server

pytestmark = pytest.mark.anyio

GROUP = "Valkey, where several askd share their state"
PASSWORD = "a password"


@asynccontextmanager
async def down(server: ValkeyServer) -> AsyncIterator[None]:
    await server.kill()
    yield
    await server.start()


@asynccontextmanager
async def hanging(server: ValkeyServer) -> AsyncIterator[None]:
    server.hang()
    yield
    server.go_on()


@asynccontextmanager
async def somebody_else(server: ValkeyServer) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    await server.kill()
    other = await asyncio.start_server(answer, "127.0.0.1", server.port)
    yield
    other.close()
    await server.start()


@asynccontextmanager
async def configured(server: ValkeyServer, name: str, value: str, before: str) -> AsyncIterator[None]:
    async with server.client() as client:
        await client.config_set(name, value)
        await client.client_kill_filter(_type="normal", skipme=True)
        yield
        await client.config_set(name, before)


@asynccontextmanager
async def another_password(server: ValkeyServer) -> AsyncIterator[None]:
    async with configured(server, "requirepass", "another", PASSWORD):
        yield


@asynccontextmanager
async def full(server: ValkeyServer) -> AsyncIterator[None]:
    async with configured(server, "maxmemory", "1", "0"):
        yield


FAULTS = {
    "it goes down": (down, "it does not answer, or not in time"),
    "it takes calls and never answers": (hanging, "it does not answer, or not in time"),
    "another server answers in its place": (somebody_else, "it does not answer"),
    "it refuses the password": (another_password, "ASKD_SHARED_PASSWORD_FILE"),
    "its memory is full": (full, "maxmemory"),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_callers_see_nothing_of_it(
    what: str, embedded_index: Chosen, tmp_path: Path, page: Page
) -> None:
    inflicted, reason = FAULTS[what]
    (tmp_path / "password").write_text(PASSWORD)
    async with made_up() as (_, model), valkey_server(PASSWORD) as server:
        shared = {"shared_url": server.url, "shared_password_file": tmp_path / "password"}
        async with serving(settings_of(embedded_index, model, shared, {"cache_entries": 10})) as service:
            await service.ready()
            assert await degraded(service) == []
            async with inflicted(server):
                seen = await seen_by(service.client)
                await until(lambda: degraded(service))
                (told,) = await degraded(service)
                assert reason in told
            await until(lambda: well(service))
            assert await seen_by(service.client) == WRITTEN
    page.note(GROUP, what, seen)
    assert seen == WRITTEN


async def degraded(service: Service) -> list[str]:
    found: list[str] = (await service.client.get("/readyz")).json()["degraded"]
    return found


async def well(service: Service) -> bool:
    return not await degraded(service)


async def until(true: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(15):
        while not await true():
            await asyncio.sleep(0.1)
