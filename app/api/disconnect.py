"""Work that ends when the caller hangs up: Starlette cancels nothing while a route works on its response."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.traffic.shutdown import expire


@asynccontextmanager
async def until_disconnect(receive: Receive) -> AsyncIterator[None]:
    """Cancels the block when the caller closes the connection, and raises ClientDisconnect then.

    The body has to be read before.
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
