"""Gets back the slots that Ollama loses.

Ollama (0.34 at least) hands the parts of a reply to its HTTP side one by one. Where the caller hangs up just
before the last part, nobody takes that any more: the slot stays taken for good, while Ollama still lists the
model. Once all slots are lost, every question waits in vain. Loading the model anew gives them back. A mere
request to unload it does not: the next question takes that back. Asked for the model with other options,
Ollama lets new questions wait, and reloads it as soon as those before have ended.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from ollama import AsyncClient

from app.errors import ModelError
from app.models.ollama.client import translated
from app.models.ollama.runner import Runner
from app.traffic.deadline import model_timeout

log = logging.getLogger(__name__)

SUSPICIOUS = 10.0  # seconds without a first token: a long prompt may take them, too, hence the check
PATIENCE = 20.0  # seconds for one token of a short prompt
RELOAD_TIMEOUT = 600.0  # seconds: questions that wait in vain have their own time


class LostSlots:
    """Checks in the background whether a model still answers."""

    def __init__(self, client: AsyncClient, name: str, runner: Runner) -> None:
        self._client = client
        self._name = name
        self._runner = runner
        self._check: asyncio.Task[None] | None = None

    def suspect(self) -> None:
        """A question was given up after it had waited for its first token; returns at once."""
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._recover())

    async def close(self) -> None:
        """End a check that is still running."""
        if self._check:
            self._check.cancel()
            with suppress(asyncio.CancelledError):
                await self._check

    async def _recover(self) -> None:
        try:
            with translated(self._name):
                if not await self._answers():
                    log.warning(
                        "Ollama answers nobody, although it runs; it is told to load the model anew",
                        extra={"model": self._name},
                    )
                    await self._reload()
        except ModelError as error:  # it is down, which shows elsewhere
            log.info("Ollama could not be checked", extra={"reason": str(error)})

    async def _reload(self) -> None:
        other = replace(self._runner, num_batch=self._runner.num_batch + 1, keep_alive="1s")
        async with model_timeout(RELOAD_TIMEOUT, "Ollama did not load the model anew"):
            await self._client.chat(**other.arguments(self._name), messages=[])

    async def _answers(self) -> bool:
        """Whether it writes a token. Not as a stream: such a reply Ollama itself reads to its end."""
        arguments = self._runner.arguments(self._name, num_predict=1)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._client.generate(**arguments, prompt="Hello", raw=True, stream=False)
        except TimeoutError:
            return False
        return True
