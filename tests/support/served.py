"""An ASGI application on a real socket, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.types import ASGIApp

from app.server.http import config_of


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody to ask it. At the end it is stopped as by a signal."""
    config = config_of(app)
    config.lifespan = "auto"  # some applications have none
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False, timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        await task
