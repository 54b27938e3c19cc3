"""Whether questions can be answered now."""

import asyncio
from dataclasses import dataclass, field

from app.errors import ModelError, RetrievalError
from app.ports import LanguageModel, SearchIndex

_PATIENCE = 2.0  # seconds a server may take to say how it is: a probe must not hang


@dataclass(frozen=True, slots=True)
class Report:
    missing: list[str]
    degraded: list[str]

    @property
    def ready(self) -> bool:
        return not self.missing


@dataclass
class Readiness:
    """Not ready until index and model were there at the same time; from then on only a lost index counts."""

    index: SearchIndex
    llm: LanguageModel
    _once: bool = field(default=False, init=False)

    async def report(self) -> Report:
        index, model = await asyncio.gather(self._index_trouble(), self._model_trouble())
        missing = [index] if index else []
        if model and not self._once:
            missing.append(model)
        self._once = self._once or not missing
        return Report(missing, [model] if model and self._once else [])

    async def _index_trouble(self) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                manifest = await self.index.manifest()
        except RetrievalError as error:
            return f"index: {error}"
        except TimeoutError:
            return "index: the search engine does not answer"
        return None if manifest.entries else "index: it is empty; run `askd ingest FILE`"

    async def _model_trouble(self) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                status = await self.llm.status()
        except ModelError as error:
            return f"model: {error}"
        except TimeoutError:
            return "model: its runtime does not answer"
        if not status.present:
            return f"model: {status.name} is not there; `askd models` says how to get it"
        return None if status.loaded else f"model: {status.name} is still loading"
