"""The backends of language models: what `ASKD_MODEL` names, and how each is opened."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import BadSettings
from app.models.base import LanguageModel
from app.models.catalogue import KNOWN, find
from app.models.fit.shapes import Described
from app.models.fit.sources import of_file, of_ollama
from app.models.library import ModelLibrary
from app.models.remote import remote_host
from app.settings import Settings, secret
from app.settings.backends import ModelBackend
from app.traffic.admission import Admission
from app.traffic.circuit_breaker import CircuitBreaker

log = logging.getLogger(__name__)

OLLAMA = "http://127.0.0.1:11434"  # its own default: for ASKD_MODEL=ollama:… without ASKD_OLLAMA_URL


@dataclass(frozen=True, slots=True)
class Runtime:
    """What runs the model: a server at `url`, or llama.cpp or CTranslate2 beside askd."""

    breaker: CircuitBreaker
    url: str = ""
    host: str | None = None  # of a remote server, which is part of the name that answers carry


@dataclass(frozen=True, slots=True)
class ModelKind:
    open: Callable[[Settings, AsyncExitStack, Runtime], Awaitable[LanguageModel]]
    provider: str  # as OpenTelemetry's conventions for generative AI name it
    setting: str | None = None  # for the URLs of its servers
    default_url: str | None = None
    downloads: bool = False  # its files are those that `askd models pull` knows
    # What the server has, where it can be told to get more.
    library: Callable[[Settings, AsyncExitStack], Awaitable[ModelLibrary]] | None = None
    # Its metadata, where there are any: licence, and size on disk.
    describe: Callable[[Settings], Described | None] | None = None

    @property
    def served(self) -> bool:
        """By another process, which keeps its models itself and tells of them without loading them."""
        return self.setting is not None

    def urls(self, settings: Settings) -> Sequence[str]:
        return settings.model_urls or ([self.default_url] if self.default_url else [])

    async def remote_host(self, settings: Settings) -> str | None:
        """Its servers beyond this machine and private networks. Raises BadSettings unless allowed."""
        hosts = [host for url in self.urls(settings) if (host := await self._remote_host(settings, url))]
        return ", ".join(hosts) or None

    async def _remote_host(self, settings: Settings, url: str) -> str | None:
        host = await remote_host(url)
        if host is None:
            return None
        if not settings.allow_remote_model:
            raise BadSettings(
                f"{self.setting}: {host} is beyond this machine and private networks; questions and FAQ "
                "entries would be sent there: set ASKD_ALLOW_REMOTE_MODEL=true if they may"
            )
        if not url.startswith("https:"):
            raise BadSettings(f"{self.setting}: plain http to {host} can be read on its way; use https")
        log.warning("questions and FAQ entries are sent to a remote model server", extra={"host": host})
        return host


@asynccontextmanager
async def open_model(settings: Settings) -> AsyncIterator[LanguageModel]:
    """The model of these settings alone, without an index. Raises BadSettings."""
    host = await MODELS[settings.model_backend].remote_host(settings)
    async with AsyncExitStack() as opened:
        yield await enter_model(settings, opened, {}, host)


async def enter_model(
    settings: Settings, opened: AsyncExitStack, breakers: dict[str, CircuitBreaker], host: str | None
) -> LanguageModel:
    """The model, or the pool of it; `breakers` gets its circuit breaker, or that of each server."""
    kind = MODELS[settings.model_backend]
    urls = kind.urls(settings)
    if len(urls) < 2:
        breaker = breakers["model"] = CircuitBreaker()
        return await kind.open(settings, opened, Runtime(breaker, url=urls[0] if urls else "", host=host))
    from app.models.pool import Member, ModelPool

    members = []
    for url, server in zip(urls, server_names(urls), strict=True):
        breaker = breakers[f"model at {server}"] = CircuitBreaker()
        llm = await kind.open(settings, opened, Runtime(breaker, url, host))
        members.append(Member(server, llm, breaker, Admission(settings.slots)))
    return ModelPool(members)


def server_names(urls: Sequence[str]) -> Sequence[str]:
    """Host and port, since a URL may hold a password; the second at the same ones has `#2` after them."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for url in urls:
        parts = urlsplit(url)
        name = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


async def _open_embedded(settings: Settings, opened: AsyncExitStack, runtime: Runtime) -> LanguageModel:
    from app.models.llamacpp.model import LlamaCppModel
    from app.models.llamacpp.server import ServerOptions

    options = ServerOptions(
        num_ctx=settings.num_ctx,
        num_batch=settings.num_batch,
        num_thread=settings.num_thread,
        seed=settings.seed,
    )
    return await opened.enter_async_context(
        LlamaCppModel(
            settings.model_name,
            settings.models_dir,
            options,
            first_token_timeout=settings.first_token_timeout,
            generate_timeout=settings.generate_timeout,
            breaker=runtime.breaker,
        )
    )


def _describe_embedded(settings: Settings) -> Described | None:
    """Raises ModelMissing."""
    described = of_file(find(settings.model_name, settings.models_dir))
    known = KNOWN.get(settings.model_name)
    return replace(described, licence=known.licence) if known else described


async def _open_ollama(settings: Settings, opened: AsyncExitStack, runtime: Runtime) -> LanguageModel:
    from app.models.ollama.client import open_client
    from app.models.ollama.model import OllamaModel
    from app.models.ollama.runner import Runner

    key = _key("ASKD_OLLAMA_API_KEY_FILE", settings.ollama_api_key_file)
    client = await opened.enter_async_context(open_client(runtime.url, settings.connect_timeout, key))
    runner = Runner(
        num_ctx=settings.num_ctx,
        num_batch=settings.num_batch,
        num_thread=settings.num_thread,
        seed=settings.seed,
        keep_alive=settings.keep_alive,
    )
    model = OllamaModel(
        client,
        settings.model_name,
        runner,
        first_token_timeout=settings.first_token_timeout,
        generate_timeout=settings.generate_timeout,
        breaker=runtime.breaker,
        host=runtime.host,
    )
    opened.push_async_callback(model.close)
    return model


async def _open_ollama_library(settings: Settings, opened: AsyncExitStack) -> ModelLibrary:
    from app.models.ollama.client import open_client
    from app.models.ollama.library import OllamaLibrary

    url, *others = MODELS["ollama"].urls(settings)
    if others:
        raise BadSettings("this works with one server at a time: set ASKD_OLLAMA_URL to one of them")
    key = _key("ASKD_OLLAMA_API_KEY_FILE", settings.ollama_api_key_file)
    return OllamaLibrary(await opened.enter_async_context(open_client(url, settings.connect_timeout, key)))


def _describe_ollama(settings: Settings) -> Described | None:
    key = _key("ASKD_OLLAMA_API_KEY_FILE", settings.ollama_api_key_file)
    return of_ollama(settings.model_name, MODELS["ollama"].urls(settings)[0], key)


def _key(setting: str, file: Path | None) -> str | None:
    """Raises BadSettings."""
    return secret(setting, file) if file else None


async def _open_openai(settings: Settings, opened: AsyncExitStack, runtime: Runtime) -> LanguageModel:
    from app.models.base import PromptStyle
    from app.models.openai.client import open_client
    from app.models.openai.model import OpenAIModel

    key = _key("ASKD_OPENAI_API_KEY_FILE", settings.openai_api_key_file)
    client = await opened.enter_async_context(open_client(runtime.url, settings.connect_timeout, key))
    return OpenAIModel(
        client,
        settings.model_name,
        style=PromptStyle(settings.openai_style),
        num_ctx=settings.num_ctx,
        seed=settings.seed,
        first_token_timeout=settings.first_token_timeout,
        generate_timeout=settings.generate_timeout,
        breaker=runtime.breaker,
        host=runtime.host,
    )


async def _open_t5(settings: Settings, opened: AsyncExitStack, runtime: Runtime) -> LanguageModel:
    from app.models.seq2seq.model import Seq2SeqModel

    model = Seq2SeqModel(
        settings.model_name,
        settings.models_dir,
        num_thread=settings.num_thread,
        first_token_timeout=settings.first_token_timeout,
        generate_timeout=settings.generate_timeout,
    )
    opened.callback(model.close)
    return model


MODELS: Mapping[ModelBackend, ModelKind] = {
    "embedded": ModelKind(_open_embedded, "llama_cpp", downloads=True, describe=_describe_embedded),
    "ollama": ModelKind(
        _open_ollama,
        "ollama",
        "ASKD_OLLAMA_URL",
        default_url=OLLAMA,
        library=_open_ollama_library,
        describe=_describe_ollama,
    ),
    "t5": ModelKind(_open_t5, "ctranslate2"),
    "openai": ModelKind(_open_openai, "openai", "ASKD_OPENAI_URL"),
}
