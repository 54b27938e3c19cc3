"""Whether questions can be answered now."""

import asyncio
from dataclasses import dataclass, field

from app.embedding import embedder_trouble
from app.errors import ModelError, RetrievalError
from app.ports import Embedder, LanguageModel, SearchIndex

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
    embedder: Embedder | None
    _once: bool = field(default=False, init=False)

    async def report(self) -> Report:
        (index, embedder), model = await asyncio.gather(self._retrieval_trouble(), self._model_trouble())
        missing = [index] if index else []
        if model and not self._once:
            missing.append(model)
        self._once = self._once or not missing
        degraded = [f"embedder: {embedder}"] if embedder else []
        return Report(missing, [model, *degraded] if model and self._once else degraded)

    async def _retrieval_trouble(self) -> tuple[str | None, str | None]:
        """Of the index, and of the embedder."""
        try:
            async with asyncio.timeout(_PATIENCE):
                manifest = await self.index.manifest()
                trouble = await embedder_trouble(self.embedder, manifest) if self.embedder else None
        except RetrievalError as error:
            return f"index: {error}", None
        except TimeoutError:
            return "index: the search engine does not answer", None
        if not manifest.entries:
            return "index: it is empty; run `askd ingest FILE`", None
        return None, trouble.detail if trouble else None

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
