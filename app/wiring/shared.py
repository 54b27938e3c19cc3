"""What this askd shares with others, where a setting says so."""

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from urllib.parse import urlsplit

from app.errors import BadSettings
from app.models.base import LanguageModel
from app.models.pool import ModelPool
from app.models.remote import remote_host
from app.settings import Settings, secret
from app.telemetry.metrics import Metrics
from app.traffic.admission import Admission
from app.traffic.answer_cache import AnswerCache, Answers
from app.traffic.circuit_breaker import CircuitBreaker
from app.traffic.rate_limit import RateLimiter
from app.wiring.models import MODELS, server_names

# Of the settings, what answers depend on: askd that differ in one of these share none.
_OF_ANSWERS = {
    *("embedder", "embedder_pooling", "embedder_prefix", "embedder_entry_prefix", "embedder_tokens"),
    *("openai_style", "writing", "num_ctx", "seed"),
}


@dataclass(frozen=True, slots=True)
class Shared:
    answers: Answers
    limiter: RateLimiter
    trouble: Callable[[], str | None]


async def open_shared(
    settings: Settings,
    opened: AsyncExitStack,
    llm: LanguageModel,
    admission: Admission,
    cache: AnswerCache,
    breakers: dict[str, CircuitBreaker],
    metrics: Metrics,
) -> Shared | None:
    """None: this process shares nothing. Its client is imported only where there is something to share.
    Raises BadSettings."""
    if settings.shared_url is None:
        return None
    url, password = await _checked(settings)
    try:
        from app.shared.valkey import Valkey
    except ImportError as error:
        raise BadSettings(
            "ASKD_SHARED_URL needs Valkey's client: in askd's folder, pip install -e '.[shared]'"
        ) from error
    from app.shared.answers import SharedAnswers
    from app.shared.keys import Keys
    from app.shared.rate_limit import SharedRateLimiter
    from app.shared.slots import SharedSlots

    keys = Keys(settings.index, password)
    servers, preferred = _servers(settings, llm)
    # Those with the same model servers share their slots; the queue of others must not hold theirs up.
    ledger = sha256("\n".join(sorted(servers)).encode()).hexdigest()[:16]
    store = Valkey(url, password, ledger)
    opened.push_async_callback(store.close)
    breakers["shared state"] = store.breaker
    answers = SharedAnswers(cache, store, keys, _variant(settings))
    slots = SharedSlots(store, settings.slots, admission, servers, preferred, settings.workers)
    metrics.gauge(
        "replicas", "Processes that share the state, as last known", lambda: slots.replicas, across="max"
    )
    metrics.gauge("shared_state_lost", "1 while askd goes on by itself", lambda: slots.alone, across="max")
    metrics.gauge(
        "shared_answers_unreadable",
        "Answers in the shared cache that were ignored",
        lambda: answers.unreadable,
    )
    await opened.enter_async_context(slots.running())
    return Shared(answers, SharedRateLimiter(store, keys, lambda: slots.replicas), lambda: slots.trouble)


async def _checked(settings: Settings) -> tuple[str, str | None]:
    """The URL, and the password. Raises BadSettings."""
    url = str(settings.shared_url)
    host = await remote_host(url)
    if host and url.startswith(("valkey:", "redis:")):
        raise BadSettings(
            f"ASKD_SHARED_URL: {host} is beyond this machine and private networks, and without TLS answers "
            "can be read on their way; begin it with valkeys:// or rediss://"
        )
    file = settings.shared_password_file
    # The client knows Redis' servers by the same protocol, but not by their name.
    url = url.replace("rediss:", "valkeys:", 1).replace("redis:", "valkey:", 1)
    return url, secret("ASKD_SHARED_PASSWORD_FILE", file) if file else None


def _servers(
    settings: Settings, llm: LanguageModel
) -> tuple[Mapping[str, Admission | None], Callable[[], Sequence[str]]]:
    """The model servers by the names that all replicas give them, and which of them are best now."""
    urls = MODELS[settings.model_backend].urls(settings)
    names = [_shared_name(url, name) for url, name in zip(urls, server_names(urls), strict=True)]
    if not isinstance(llm, ModelPool):
        return dict.fromkeys(names), lambda: names
    named = dict(zip(llm.members, names, strict=True))
    return (
        {name: member.admission for member, name in named.items()},
        lambda: [named[member] for member in llm.preferred()],
    )


def _shared_name(url: str, name: str) -> str:
    """Each machine has servers of its own at its loopback addresses."""
    host = urlsplit(url).hostname or ""
    local = host == "localhost" or host == "::1" or host.startswith("127.")
    return f"{socket.gethostname()}/{name}" if local else name


def _variant(settings: Settings) -> str:
    budgets = [settings.prompt_budget, settings.answer_budget]
    return json.dumps([version("askd"), settings.model_dump(include=_OF_ANSWERS), budgets], sort_keys=True)
