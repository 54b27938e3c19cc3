"""How long a model may take, the same for every runtime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from app.errors import ModelTimeout

T = TypeVar("T")


@asynccontextmanager
async def limit(seconds: float, what: str) -> AsyncIterator[None]:
    """Cancels the block after so many seconds. Raises ModelTimeout: "`what` within … seconds"."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ModelTimeout(f"{what} within {seconds:g} seconds") from error


class GenerationTimeouts:
    """The timeouts of one generation, in seconds from now: for its first token, then for the whole."""

    def __init__(self, first_token: float, total: float) -> None:
        self._started = asyncio.get_running_loop().time()
        self._first_token = min(first_token, total)
        self._total = total
        self.began = False  # set it once the first token has come

    async def next(self, parts: AsyncIterator[T]) -> T | None:
        """The next part; None at the end. Raises ModelTimeout.

        Around each part and not around the whole: the time that its reader takes must not be cancelled.
        """
        seconds = self._total if self.began else self._first_token
        try:
            async with asyncio.timeout_at(self._started + seconds):
                return await anext(parts, None)
        except TimeoutError as error:
            what = "finish its answer" if self.began else "begin to answer"
            raise ModelTimeout(f"the model did not {what} within {seconds:g} seconds") from error
