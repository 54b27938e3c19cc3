"""An ASGI application on a real socket, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import httpx
import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def served(app: ASGIApp, lifespan: Literal["on", "off"] = "off") -> AsyncIterator[httpx.AsyncClient]:
    """Somebody to ask it. At the end it is stopped as by a signal."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan=lifespan))
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
