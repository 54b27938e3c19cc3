"""Whether questions can be answered now."""

import asyncio
from dataclasses import dataclass, field

from app.answering.embedder_state import embedder_trouble
from app.embedders.base import Embedder
from app.errors import ModelError, RetrievalError
from app.indexes.base import SearchIndex
from app.models.base import LanguageModel, ModelStatus

_PATIENCE = 2.0  # seconds a server may take to say how it is: a probe must not hang


@dataclass(frozen=True, slots=True)
class Report:
    missing: list[str]
    degraded: list[str]
    model_memory: str | None = None  # as ModelStatus.memory

    @property
    def ready(self) -> bool:
        return not self.missing


@dataclass
class Readiness:
    """Not ready until index and model were there at the same time; from then on only a lost index counts."""

    index: SearchIndex
    llm: LanguageModel
    embedder: Embedder | None
    gpu: bool = False  # the model is expected in GPU memory
    _once: bool = field(default=False, init=False)

    async def report(self) -> Report:
        (index, embedder), status = await asyncio.gather(self._retrieval_trouble(), self._model_status())
        model = _model_trouble(status)
        missing = [index] if index else []
        if model and not self._once:
            missing.append(model)
        self._once = self._once or not missing
        degraded = [model] if model and self._once else []
        memory = status.memory if isinstance(status, ModelStatus) else None
        if trouble := gpu_trouble(memory, self.gpu):
            degraded.append(f"model: {trouble}")
        if embedder:
            degraded.append(f"embedder: {embedder}")
        return Report(missing, degraded, memory)

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

    async def _model_status(self) -> ModelStatus | str:
        """Or why there is none."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self.llm.status()
        except ModelError as error:
            return str(error)
        except TimeoutError:
            return "its runtime does not answer"


def gpu_trouble(memory: str | None, wanted: bool) -> str | None:
    """Where `memory` is `ModelStatus.memory`, and whether it should be the GPU's."""
    if not wanted or memory in (None, "gpu"):
        return None
    return (
        f"a GPU was asked for (ASKD_GPU), but it is in {memory} memory; "
        "see that the container gets the GPU and that the model fits into its memory"
    )


def _model_trouble(status: ModelStatus | str) -> str | None:
    if isinstance(status, str):
        return f"model: {status}"
    if not status.present:
        return f"model: {status.name} is not there; `askd models` says how to get it"
    return None if status.loaded else f"model: {status.name} is still loading"
