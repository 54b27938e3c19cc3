"""The rows of a comparison: quoting entries alone, and each model in the ways it may write."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from app.answering.writing_manner import WritingSetting, writing_manner
from app.domain import Mode
from app.errors import AskdError
from app.evaluation.comparison.records import digest
from app.evaluation.questions import Catalogue
from app.models.base import LanguageModel
from app.ranking.synonyms import read_synonyms
from app.settings import Settings, read_settings
from app.settings.backends import backend_named
from app.wiring.models import MODELS, open_model

EXTRACT = "extract"
# What decides an answer, beside the FAQ, the question and the model itself.
_DECIDING = (
    "index_backend",
    "embedder_name",
    "embedder_pooling",
    "embedder_prefix",
    "embedder_entry_prefix",
    "embedder_tokens",
    "language",
    "prompt_budget",
    "answer_budget",
    "num_ctx",
    "num_batch",
    "num_thread",
    "seed",
    "openai_style",
    "first_token_timeout",
    "generate_timeout",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model without asking it anything; sizes in bytes."""

    model: str
    digest: str
    parameters: int | None
    licence: str | None
    disk: int | None
    served: bool  # by another process, which tells its memory itself
    here: bool  # whether it runs on this machine


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """`key` is the digest of all that decides its answers, apart from the question."""

    name: str
    key: str
    mode: Mode
    manner: str  # how it may write, in words
    facts: Facts | None  # None: no model
    settings: Settings


def settings_of(model: str | None, writing: WritingSetting = "auto") -> Settings:
    """Raises BadSettings."""
    return read_settings(model=model, writing=writing)


def extract_row(settings: Settings, catalogue: Catalogue) -> Row:
    key = _key(settings, catalogue, EXTRACT)
    return Row(EXTRACT, key, Mode.EXTRACT, "the entry's own words", None, settings)


async def facts_of(model: str) -> Facts:
    """Loads the model once. Raises BadSettings, ModelMissing, ModelUnavailable or ModelTimeout."""
    settings = settings_of(model)
    async with open_model(settings) as llm:
        try:
            await llm.load()
            return await _facts(settings, llm)
        except AskdError as error:
            told = type(error)(f"{model}: {error}")
            told.reason = error.reason
            raise told from error


def rows_of(model: str, facts: Facts, catalogue: Catalogue, *, free: bool) -> Sequence[Row]:
    """As `auto` and as `free`; one row where both are the same."""
    name, settings = shown(model), settings_of(model)
    writings: list[WritingSetting] = ["auto", "free"] if free else ["auto"]
    found: list[Row] = []
    for writing in writings:
        allowed = writing_manner(writing, facts.parameters)
        if found and allowed.manner == writing_manner("auto", facts.parameters).manner:
            break
        key = _key(settings, catalogue, facts.model, facts.digest, allowed.manner)
        label, stated = f"{name} {writing}", settings_of(model, writing)
        found.append(Row(label, key, Mode.AUTO, str(allowed), facts, stated))
    return found


def told_apart(groups: Sequence[Sequence[Row]]) -> Sequence[Sequence[Row]]:
    """Files of one name get the start of their digests, and a model that is named twice one row."""
    names: dict[str, str] = {}  # by the key
    for rows in groups:
        for row in rows:
            names.setdefault(row.key, row.name)
    count = Counter(names.values())

    def named(row: Row) -> Row:
        if count[row.name] == 1 or row.facts is None:
            return row
        return replace(row, name=f"{row.name} {row.facts.digest.removeprefix('sha256:')[:8]}")

    return [[named(row) for row in rows if names.pop(row.key, None)] for rows in groups]


async def _facts(settings: Settings, llm: LanguageModel) -> Facts:
    kind = MODELS[settings.model_backend]
    profile, status = await llm.profile(), await llm.status()
    described = kind.describe(settings) if kind.describe else None
    on_disk = described.shape.weights if described else None
    return Facts(
        profile.name,
        profile.digest,
        profile.parameters,
        described.licence if described else None,
        on_disk or (None if kind.served else status.size_bytes),
        kind.served,
        all(_is_here(url) for url in kind.urls(settings)),
    )


def _key(settings: Settings, catalogue: Catalogue, *of: object) -> str:
    deciding = [getattr(settings, name) for name in _DECIDING]
    entries = [(*entry.key, entry.question, entry.answer, entry.section) for entry in catalogue.entries()]
    synonyms = read_synonyms(settings.synonyms) if settings.synonyms else ()
    return digest(version("askd"), of, deciding, entries, synonyms)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(model: str) -> str:
    """Without the folders of a file, which are private."""
    backend, name = backend_named(model)
    if name and Path(name).expanduser().exists():
        return f"{backend}:{Path(name).name}" if backend else Path(name).name
    return model
