"""Whether questions can be answered now."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.answering.embedder_state import embedder_trouble
from app.answering.writing_manner import WritingSetting, writing_manner
from app.embedders.base import Embedder
from app.errors import ModelError, RetrievalError
from app.indexes.base import SearchIndex
from app.models.base import LanguageModel, ModelStatus

_TIMEOUT = 2.0  # seconds a server may take to answer: a probe must not hang
_FRESH = 1.0  # seconds a report is good for: however many probes there are, servers are asked this often


@dataclass(frozen=True, slots=True)
class Report:
    missing: list[str]
    degraded: list[str]
    model_memory: str | None = None  # as ModelStatus.memory
    writing: str | None = None  # how freely the model may write, and why; None: it does not say what it is
    remote_model: str | None = None  # host of the model's server, where that is on no private network

    @property
    def ready(self) -> bool:
        return not self.missing


@dataclass
class Readiness:
    """Not ready until index and model were there at the same time; from then on only a lost index counts.

    A report is kept for a second, and probes that come at the same time share one.
    """

    index: SearchIndex
    llm: LanguageModel
    embedder: Embedder | None
    gpu: bool = False  # the model is expected in GPU memory
    writing: WritingSetting = "auto"
    remote_model: str | None = None  # as in Report
    feedback: Callable[[], str | None] = lambda: None  # why feedback cannot be stored
    shared: Callable[[], str | None] = lambda: None  # why nothing is shared with other replicas
    clock: Callable[[], float] = time.monotonic
    _once: bool = field(default=False, init=False)
    _asking: asyncio.Task[Report] | None = field(default=None, init=False)
    _asked_at: float = field(default=0.0, init=False)

    async def report(self) -> Report:
        if self._asking is None or (self._asking.done() and self.clock() - self._asked_at >= _FRESH):
            self._asked_at = self.clock()
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)  # a probe that hangs up takes the report from nobody else

    async def _ask(self) -> Report:
        (index, embedder), status = await asyncio.gather(self._retrieval_trouble(), self._model_status())
        model = _model_trouble(status)
        missing = [index] if index else []
        if model and not self._once:
            missing.append(model)
        self._once = self._once or not missing
        degraded = [model] if model and self._once else []
        if isinstance(status, ModelStatus):
            degraded += [
                f"model at {server}: {trouble}" for server, trouble in status.servers.items() if trouble
            ]
        memory = status.memory if isinstance(status, ModelStatus) else None
        if trouble := gpu_trouble(memory, self.gpu):
            degraded.append(f"model: {trouble}")
        if embedder:
            degraded.append(f"embedder: {embedder}")
        degraded += filter(None, (self.feedback(), self.shared()))
        writing = await self._writing() if isinstance(status, ModelStatus) and status.loaded else None
        return Report(missing, degraded, memory, writing, self.remote_model)

    async def _writing(self) -> str | None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return str(writing_manner(self.writing, (await self.llm.profile()).parameters))
        except (ModelError, TimeoutError):
            return None

    async def _retrieval_trouble(self) -> tuple[str | None, str | None]:
        """Of the index, and of the embedder."""
        manifest = None
        try:
            async with asyncio.timeout(_TIMEOUT):
                manifest = await self.index.manifest()
                if not manifest.entries:
                    return "index: it is empty; run `askd ingest FILE`", None
                trouble = await embedder_trouble(self.embedder, manifest) if self.embedder else None
        except RetrievalError as error:
            return f"index: {error}", None
        except TimeoutError:
            if manifest is None:
                return "index: the search engine does not answer", None
            return None, "it is still loading, or busy with the questions before"
        return None, trouble.detail if trouble else manifest.unreadable if self.embedder else None

    async def _model_status(self) -> ModelStatus | str:
        """Or why there is none."""
        try:
            async with asyncio.timeout(_TIMEOUT):
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
