"""Composition root: the one place that knows which backends there are.

Each table maps a kind, which the settings decide, to what opens it. A backend in another process uses its
circuit breaker; one in this process needs none. A backend is imported where it is opened: each takes a good
part of a second, and most runs need few of them.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from app.answering.gauges import register_gauges
from app.answering.pipeline import Pipeline
from app.answering.retrieval import Retrieval
from app.answering.service import Assistant
from app.answering.writing import Writer
from app.embedders.base import Embedder
from app.embedders.catalogue import own_recipe
from app.errors import BadSettings
from app.feedback.service import Feedback
from app.indexes.base import IndexStore, SearchIndex
from app.ingest.own_questions import ScratchIndex
from app.models.base import LanguageModel
from app.models.watch import ModelWatch
from app.settings import Settings
from app.settings.backends import EmbedderBackend, IndexBackend
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import NO_TRACING, Tracing
from app.traffic.admission import Admission
from app.traffic.answer_cache import AnswerCache
from app.traffic.circuit_breaker import CircuitBreaker
from app.wiring.elasticsearch import elasticsearch_client
from app.wiring.feedback import open_feedback
from app.wiring.models import MODELS, enter_model
from app.wiring.shared import Shared, open_shared

if TYPE_CHECKING:
    from app.indexes.elasticsearch.index import ElasticsearchIndex
    from app.indexes.embedded.index import EmbeddedIndex
    from app.telemetry.otlp import Collector

    Index = EmbeddedIndex | ElasticsearchIndex

_REMOVAL_SECONDS = 60.0  # deleting an index may take longer than any search should


@dataclass(frozen=True, slots=True)
class Askd:
    """The service, opened: what API, CLI and live tests start from."""

    assistant: Assistant
    index: SearchIndex
    store: IndexStore
    llm: LanguageModel
    embedder: Embedder | None  # None: search by words alone
    feedback: Feedback
    remote_model: str | None = None  # host of a model server beyond this machine and private networks
    shared: Shared | None = None  # None: it shares nothing with other replicas


@asynccontextmanager
async def open_askd(
    settings: Settings, tracing: Tracing = NO_TRACING, metrics: Metrics | None = None
) -> AsyncIterator[Askd]:
    """Nothing is loaded or called yet: a server that is down shows at its first use. Raises BadSettings."""
    metrics = metrics or Metrics()
    breakers = {"index": CircuitBreaker()}
    index_kind, model_kind = _INDEXES[settings.index_backend], MODELS[settings.model_backend]
    async with AsyncExitStack() as opened:
        index = await index_kind.open(settings, opened, breakers["index"])
        embedder = _EMBEDDERS[settings.embedder_backend](settings, opened)
        remote_model = await model_kind.remote_host(settings)
        llm = await enter_model(settings, opened, breakers, remote_model)
        slots = settings.slots * max(len(settings.model_urls), 1)
        writer = Writer(
            llm, settings.prompt_budget, settings.answer_budget, tracing, writing=settings.writing
        )
        admission = Admission(slots)
        cache = AnswerCache(settings.cache_entries, settings.cache_bytes, settings.cache_seconds)
        shared = await open_shared(settings, opened, llm, admission, cache, breakers, metrics)
        pipeline = Pipeline(Retrieval(index, embedder, tracing=tracing), writer, admission, tracing)
        assistant = Assistant(
            pipeline,
            # The slots of others have to be asked for, also to warm them up.
            ModelWatch(llm, partial(writer.warm_up, slots, admission if shared else None)),
            shared.answers if shared else cache,
            metrics.answered,
            metrics.generated,
            tracing,
        )
        register_gauges(metrics, assistant, breakers)
        feedback = await open_feedback(settings, opened, metrics)
        yield Askd(assistant, index, index, llm, embedder, feedback, remote_model, shared)


@asynccontextmanager
async def open_trial(settings: Settings) -> AsyncIterator[Askd]:
    """The same with an empty index of its own, which is removed afterwards; models and caches are shared."""
    own = settings.model_copy(update={"index": f"{settings.index}-trial-{token_hex(4)}"})
    try:
        async with open_askd(own) as askd:
            yield askd
    finally:
        await _INDEXES[own.index_backend].remove(own)


@asynccontextmanager
async def scratch_index(settings: Settings) -> AsyncIterator[ScratchIndex]:
    """An empty index for measuring, gone afterwards. Embedded for either engine: both rank alike."""
    from app.indexes.embedded.index import EmbeddedIndex

    try:
        place = Path(gettempdir())
    except FileNotFoundError:  # a container that can write to its index only
        place = settings.data_dir / "index"
        place.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="askd-", dir=place) as folder:
        yield EmbeddedIndex(Path(folder), "scratch")


def scripted_model(pieces: Sequence[str], parameters: int) -> LanguageModel:
    """A model of this size that says these pieces, to measure what becomes of them."""
    from app.models.scripted import ScriptedModel

    return ScriptedModel(pieces, context_tokens=1_000_000, parameters=parameters)


def open_collector(settings: Settings) -> "Collector | None":
    """Where traces go; None: nothing is traced. Raises BadSettings."""
    if settings.otlp_endpoint is None:
        return None
    try:
        from app.telemetry.otlp import Collector
    except ImportError as error:
        raise BadSettings(
            "ASKD_OTLP_ENDPOINT needs OpenTelemetry's SDK: in askd's folder, pip install -e '.[otel]'"
        ) from error
    return Collector(settings.otlp_endpoint)


def tracing_to(collector: "Collector | None", settings: Settings) -> Tracing:
    if collector is None:
        return NO_TRACING
    return Tracing(
        collector.tracer,
        MODELS[settings.model_backend].provider,
        settings.index_backend if _INDEXES[settings.index_backend].remote else None,
        settings.trace_content,
    )


# --- indexes -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _IndexKind:
    open: "Callable[[Settings, AsyncExitStack, CircuitBreaker], Awaitable[Index]]"
    remove: Callable[[Settings], Awaitable[None]]  # every version of it
    remote: bool


async def _open_embedded_index(
    settings: Settings, opened: AsyncExitStack, breaker: CircuitBreaker
) -> "EmbeddedIndex":
    from app.indexes.embedded.index import EmbeddedIndex

    return EmbeddedIndex(settings.data_dir / "index", settings.index)


async def _remove_embedded_index(settings: Settings) -> None:
    shutil.rmtree(settings.data_dir / "index" / settings.index, ignore_errors=True)


async def _open_elasticsearch(
    settings: Settings, opened: AsyncExitStack, breaker: CircuitBreaker
) -> "ElasticsearchIndex":
    from app.indexes.elasticsearch.index import ElasticsearchIndex

    client = await opened.enter_async_context(elasticsearch_client(settings, settings.search_timeout))
    return ElasticsearchIndex(client, settings.index, settings.search_timeout, breaker)


async def _remove_from_elasticsearch(settings: Settings) -> None:
    """Raises SearchUnavailable."""
    from app.indexes.elasticsearch.errors import translated_errors
    from app.indexes.elasticsearch.versions import VersionIndexes

    async with elasticsearch_client(settings, _REMOVAL_SECONDS) as client:
        indexes = VersionIndexes(client, settings.index)
        with translated_errors():
            await indexes.delete(await indexes.all())


_INDEXES: Mapping[IndexBackend, _IndexKind] = {
    "embedded": _IndexKind(_open_embedded_index, _remove_embedded_index, remote=False),
    "elasticsearch": _IndexKind(_open_elasticsearch, _remove_from_elasticsearch, remote=True),
}


# --- embedders ---------------------------------------------------------------------------------------


def _open_onnx(settings: Settings, opened: AsyncExitStack) -> Embedder:
    from app.embedders.onnx import OnnxEmbedder

    cache = settings.data_dir / "cache" / "embeddings.sqlite3"
    embedder = OnnxEmbedder(settings.embedder, settings.models_dir, own_recipe(settings), cache)
    opened.callback(embedder.close)
    return embedder


_EMBEDDERS: Mapping[EmbedderBackend, Callable[[Settings, AsyncExitStack], Embedder | None]] = {
    "onnx": _open_onnx,
    "none": lambda settings, opened: None,
}
