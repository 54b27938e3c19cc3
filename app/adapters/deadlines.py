"""How long a model may take, the same for every runtime."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from app.domain import Chunk
from app.errors import ModelTimeout


@asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises ModelTimeout when the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ModelTimeout(f"{what} within {seconds:g} seconds") from error


async def in_time(chunks: AsyncGenerator[Chunk], *, first: float, total: float) -> AsyncGenerator[Chunk]:
    """The same chunks; raises ModelTimeout when the first one or the last one is late (in seconds)."""
    started = asyncio.get_running_loop().time()
    late, what = started + min(first, total), f"begin to answer within {min(first, total):g}"
    async with aclosing(chunks):
        while True:
            try:
                # Around each step, not around the loop: the reader's own time must not be cancelled here.
                async with asyncio.timeout_at(late):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ModelTimeout(f"the model did not {what} seconds") from error
            late, what = started + total, f"finish its answer within {total:g}"
            yield chunk
