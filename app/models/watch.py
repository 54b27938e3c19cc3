"""Keeps watch on the model: loads it before the first question, and knows which build of it answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.errors import ModelError
from app.models.base import LanguageModel, ModelStatus

log = logging.getLogger(__name__)


class ModelWatch:
    """What was last seen of a model."""

    def __init__(
        self,
        llm: LanguageModel,
        warm_up: Callable[[], Awaitable[None]] | None = None,
        *,
        retry: float = 5.0,
        period: float = 15.0,
    ) -> None:
        """`warm_up` prepares the model once it is loaded, and may fail.

        Seconds: `retry` between attempts to load it, and between looks while it or one of its servers fails;
        `period` between looks otherwise.
        """
        self._llm = llm
        self._warm_up = warm_up
        self._retry = retry
        self._period = period
        self.status: ModelStatus | None = None  # None: its runtime does not answer, or was not asked yet
        self.model = ""  # name and digest of what was last seen; empty: nothing yet

    async def run(self) -> None:
        """Load the model, then look at it from time to time; until cancelled.

        Unexpected errors do not end it: without it no answer is cached, and no metric is right.
        """
        loaded = False
        while True:
            if not loaded:
                loaded = await self._load()
            if loaded:
                await self.look()
            await asyncio.sleep(self._period if loaded and self._well else self._retry)

    @property
    def _well(self) -> bool:
        """Whether all servers of the model are; else it shows soon that they are back."""
        return self.status is not None and not any(self.status.servers.values())

    async def look(self) -> None:
        try:
            self.status = await self._llm.status()
            profile = await self._llm.profile()
        except ModelError:
            self.status = None  # an answer that is cached is still that model's
        except Exception:
            self.status = None
            log.exception("the model's status could not be read")
        else:
            self.model = f"{profile.name}@{profile.digest}"

    async def _load(self) -> bool:
        try:
            await self._llm.load()
        except ModelError as error:
            log.warning("the model cannot be loaded yet", extra={"reason": str(error)})
        except Exception:
            log.exception("the model could not be loaded")
        else:
            await self._warmed_up()
            log.info("the model is loaded")
            return True
        return False

    async def _warmed_up(self) -> None:
        """As far as that works: without it the first questions take longer, and that is all."""
        try:
            if self._warm_up:
                await self._warm_up()
        except ModelError as error:
            log.warning("the model could not be warmed up", extra={"reason": str(error)})
        except Exception:
            log.exception("the model could not be warmed up")
