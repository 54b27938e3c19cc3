"""The one place that knows which engines there are. A URL that is set selects the server.

An engine is imported where it is opened: each takes a good part of a second, and most runs need but two.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from app.answering.pipeline import Pipeline
from app.answering.service import Assistant
from app.embedders.base import Embedder
from app.embedders.catalogue import own_recipe
from app.errors import BadSettings
from app.indexes.base import IndexStore, SearchIndex
from app.models.base import LanguageModel
from app.models.watch import ModelWatch
from app.settings import Settings
from app.traffic.admission import Admission
from app.traffic.answer_cache import AnswerCache
from app.traffic.resilience import GuardedIndex, GuardedModel

if TYPE_CHECKING:
    from app.indexes.elasticsearch.index import ElasticsearchIndex
    from app.indexes.embedded.index import EmbeddedIndex
    from app.telemetry.otlp import Collector

_REMOVAL_SECONDS = 60.0  # it may take longer than any search should


@dataclass(frozen=True, slots=True)
class Askd:
    """The service, opened: what API, CLI and live tests start from."""

    assistant: Assistant
    index: SearchIndex
    store: IndexStore
    llm: LanguageModel
    embedder: Embedder | None  # None: search by words alone


@asynccontextmanager
async def open_askd(settings: Settings) -> AsyncIterator[Askd]:
    """Nothing is loaded or asked yet: a server that is down shows at its first use. Raises BadSettings."""
    async with AsyncExitStack() as opened:
        index = await _index(settings, opened)
        embedder = _embedder(settings, opened)
        llm = await _llm(settings, opened)
        guarded = index if settings.elasticsearch_url is None else GuardedIndex(index)
        pipeline = Pipeline(
            guarded,
            llm if settings.ollama_url is None else GuardedModel(llm),
            settings.prompt_budget,
            settings.answer_budget,
            embedder,
            admission=Admission(settings.slots),
        )
        watch = ModelWatch(pipeline.llm)
        cache = AnswerCache(settings.cache_entries, settings.cache_bytes, settings.cache_seconds)
        yield Askd(Assistant(pipeline, watch, cache), index, index, llm, embedder)


@asynccontextmanager
async def open_trial(settings: Settings) -> AsyncIterator[Askd]:
    """The same with an empty index of its own, which is removed afterwards; models and caches are shared."""
    own = settings.model_copy(update={"index": f"{settings.index}-trial-{token_hex(4)}"})
    try:
        async with open_askd(own) as askd:
            yield askd
    finally:
        await _remove_index(own)


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


async def _remove_index(settings: Settings) -> None:
    """Every version of it. Raises SearchUnavailable."""
    if settings.elasticsearch_url is None:
        shutil.rmtree(settings.data_dir / "index" / settings.index, ignore_errors=True)
        return
    from app.indexes.elasticsearch.errors import translated_errors
    from app.indexes.elasticsearch.index import open_client
    from app.indexes.elasticsearch.versions import VersionIndexes

    url, key = str(settings.elasticsearch_url), _api_key(settings)
    async with open_client(url, key, timeout=_REMOVAL_SECONDS) as client:
        indexes = VersionIndexes(client, settings.index)
        with translated_errors():
            await indexes.delete(await indexes.all())


async def _index(settings: Settings, opened: AsyncExitStack) -> "EmbeddedIndex | ElasticsearchIndex":
    if settings.elasticsearch_url is None:
        from app.indexes.embedded.index import EmbeddedIndex

        return EmbeddedIndex(settings.data_dir / "index", settings.index)
    from app.indexes.elasticsearch.index import ElasticsearchIndex, open_client

    client = await opened.enter_async_context(
        open_client(str(settings.elasticsearch_url), _api_key(settings), settings.search_timeout)
    )
    return ElasticsearchIndex(client, settings.index, settings.search_timeout)


def _api_key(settings: Settings) -> str | None:
    if path := settings.elasticsearch_api_key_file:
        return _secret("ASKD_ELASTICSEARCH_API_KEY_FILE", path)
    key = settings.elasticsearch_api_key
    return key.get_secret_value() if key else None


def _secret(setting: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{setting}: cannot read {path}") from error


def _embedder(settings: Settings, opened: AsyncExitStack) -> Embedder | None:
    if settings.embedder_name is None:
        return None
    from app.embedders.onnx import OnnxEmbedder

    cache = settings.data_dir / "cache" / "embeddings.sqlite3"
    embedder = OnnxEmbedder(settings.embedder_name, settings.models_dir, own_recipe(settings), cache)
    opened.callback(embedder.close)
    return embedder


async def _llm(settings: Settings, opened: AsyncExitStack) -> LanguageModel:
    if settings.ollama_url is None:
        from app.models.llamacpp.model import LlamaCppModel
        from app.models.llamacpp.server import ServerOptions

        return await opened.enter_async_context(
            LlamaCppModel(
                settings.model_name,
                settings.models_dir,
                ServerOptions(
                    num_ctx=settings.num_ctx,
                    num_batch=settings.num_batch,
                    num_thread=settings.num_thread,
                    seed=settings.seed,
                ),
                first_token_timeout=settings.first_token_timeout,
                generate_timeout=settings.generate_timeout,
            )
        )
    from app.models.ollama.client import open_client
    from app.models.ollama.model import OllamaModel
    from app.models.ollama.requests import Runner

    key_file = settings.ollama_api_key_file
    key = _secret("ASKD_OLLAMA_API_KEY_FILE", key_file) if key_file else None
    client = await opened.enter_async_context(
        open_client(str(settings.ollama_url), settings.connect_timeout, key)
    )
    runner = Runner(
        num_ctx=settings.num_ctx,
        num_batch=settings.num_batch,
        num_thread=settings.num_thread,
        seed=settings.seed,
        keep_alive=settings.keep_alive,
    )
    return OllamaModel(
        client,
        settings.model_name,
        runner,
        first_token_timeout=settings.first_token_timeout,
        generate_timeout=settings.generate_timeout,
    )
