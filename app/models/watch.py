"""Keeps an eye on the model: has it loaded before the first question, and knows which build of it answers."""

import asyncio
import logging

from app.errors import ModelError
from app.models.base import LanguageModel, ModelStatus

log = logging.getLogger(__name__)

_RETRY = 5.0  # seconds between tries to load a model that is not there yet
_PERIOD = 15.0  # seconds between two looks at one that is


class ModelWatch:
    """What was last seen of a model."""

    def __init__(self, llm: LanguageModel) -> None:
        self._llm = llm
        self.status: ModelStatus | None = None  # None: its runtime does not answer, or was not asked yet
        self.model = ""  # name and digest of what was last seen; empty: nothing yet

    async def run(self) -> None:
        """Load it, then look every now and then; for ever."""
        while True:
            try:
                await self._llm.load()
                log.info("the model is loaded")
                break
            except ModelError as error:
                log.warning("the model cannot be loaded yet", extra={"reason": str(error)})
                await asyncio.sleep(_RETRY)
        while True:
            await self.look()
            await asyncio.sleep(_PERIOD)

    async def look(self) -> None:
        try:
            self.status = await self._llm.status()
            profile = await self._llm.profile()
        except ModelError:
            self.status = None  # an answer kept from before is still that model's
        else:
            self.model = f"{profile.name}@{profile.digest}"
