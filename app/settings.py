"""Every knob. Flags win over the environment, that over `.env`, that over these defaults."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import BadSettings

PREFIX = "ASKD_"
# Read by compose, scripts and tests beside askd's own: not misspelt settings.
_NOT_OURS = {
    "ASKD_FAQ",
    "ASKD_PUBLISHED_PORT",
    "ASKD_DEV_DATA",
    "ASKD_TEST_ELASTICSEARCH_URL",
    "ASKD_TEST_OLLAMA_URL",
    "ASKD_TEST_KILLS",
    "ASKD_TEST_HANGUPS",
    "ASKD_TEST_REQUESTS",
    "ASKD_TEST_CASES",
    "ASKD_TEST_MINUTES",
    "ASKD_TEST_SEED",
}


class Settings(BaseSettings):
    """Everything that may differ between a laptop, CI and production."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="address the service listens on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="port the service listens on")
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: user_data_path("askd", appauthor=False),
        description="embedded index and model files; default: the user's data directory",
    )

    elasticsearch_url: AnyHttpUrl | None = Field(
        None, description="Elasticsearch 9 to use; unset: the embedded index"
    )
    elasticsearch_api_key: SecretStr | None = Field(None, description="API key for Elasticsearch")
    elasticsearch_api_key_file: Path | None = Field(None, description="file that holds the API key")
    index: str = Field("askd", pattern=r"^[a-z][a-z0-9_.-]{0,63}$", description="name of the index")
    language: str = Field("english", description="language of the FAQ: sets the analysers at ingest")
    synonyms: Path | None = Field(
        None,
        description="file of words that mean the same, a group a line, with commas; read at ingest",
    )
    search_timeout: PositiveFloat = Field(5.0, description="seconds a search may take")

    embedder: str = Field(
        "bge-small-en-v1.5",
        description="for search by meaning: a known name, the path of a folder with model.onnx and "
        "tokenizer.json, or none",
    )
    embedder_pooling: Literal["cls", "mean"] = Field(
        "mean", description="how an embedder of your own makes one vector of its tokens'"
    )
    embedder_prefix: str = Field("", description="what an embedder of your own wants before a question")
    embedder_entry_prefix: str = Field("", description="what an embedder of your own wants before an entry")
    embedder_tokens: Annotated[int, Field(ge=128, le=8192)] = Field(
        512, description="window of an embedder of your own; longer texts are embedded in several"
    )

    ollama_url: AnyHttpUrl | None = Field(None, description="Ollama to use; unset: the embedded model")
    model: str | None = Field(
        None,
        description="Ollama tag (default gemma:2b), or embedded: a known name "
        "(default smollm2-135m-instruct) or the path of a GGUF file",
    )
    num_ctx: Annotated[int, Field(ge=512, le=131_072)] = Field(
        2048, description="context window in tokens, prompt and answer together"
    )
    prompt_tokens: Annotated[int, Field(ge=128)] | None = Field(
        None, description="budget for the whole prompt; default 1536, embedded 640"
    )
    answer_tokens: Annotated[int, Field(ge=16)] | None = Field(
        None, description="most tokens of an answer; default 256, embedded 128"
    )
    num_batch: Annotated[int, Field(ge=1, le=4096)] = Field(
        64, description="prompt tokens per step: a hang-up takes effect between steps"
    )
    num_thread: Annotated[int, Field(ge=1)] | None = Field(
        None, description="CPU threads of the model; default: the runtime's own choice"
    )
    gpu: bool = Field(
        False, description="the model should be in GPU memory: /readyz and `askd models` warn when it is not"
    )
    slots: Annotated[int, Field(ge=1, le=1024)] = Field(
        1,
        description="answers written at once; as many as the model's runtime has slots (OLLAMA_NUM_PARALLEL)",
    )
    seed: int = Field(42, description="sampling seed; the temperature is always 0")
    keep_alive: str = Field("-1", description="how long Ollama keeps the model loaded; -1: for ever")
    connect_timeout: PositiveFloat = Field(3.0, description="seconds to reach Ollama")
    first_token_timeout: PositiveFloat = Field(
        90.0, description="seconds until the first token; a cold model loads before it"
    )
    generate_timeout: PositiveFloat = Field(300.0, description="seconds for a whole answer")
    request_timeout: PositiveFloat = Field(
        120.0, description="seconds a request may take where it does not say so itself (X-Request-Timeout)"
    )
    max_request_timeout: PositiveFloat = Field(600.0, description="most seconds a request may ask for")
    cache_entries: NonNegativeInt = Field(1000, description="answers kept; 0: none")
    cache_bytes: PositiveInt = Field(32_000_000, description="memory for the answers kept, about")
    cache_seconds: PositiveFloat = Field(3600.0, description="seconds an answer is kept at most")

    api_keys_file: Path | None = Field(
        None, description="file of the keys that callers need (`askd keys new`); unset: none"
    )
    rate_limit: str | None = Field(
        None,
        description="most questions of one caller, by key or else address, such as 60/minute; unset: any",
    )
    allowed_hosts: str | None = Field(
        None,
        description="names this service goes by (Host), with commas, *.example.org for all of a domain; "
        "also the one that Prometheus knows",
    )
    trusted_proxies: str | None = Field(
        None, description="addresses or networks whose X-Forwarded-For is believed, with commas"
    )
    cors_origins: str | None = Field(
        None, description="origins of pages whose scripts may ask, with commas; unset: none"
    )

    otlp_endpoint: AnyHttpUrl | None = Field(
        None, description="OpenTelemetry collector (OTLP/HTTP) that gets traces; unset: nothing is traced"
    )
    trace_content: bool = Field(False, description="questions and answers go into the traces, word for word")

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="least level logged")

    @model_validator(mode="after")
    def _budgets_fit_the_window(self) -> Self:
        if self.prompt_budget + self.answer_budget > self.num_ctx:
            raise ValueError(
                f"prompt_tokens ({self.prompt_budget}) and answer_tokens ({self.answer_budget}) "
                f"together exceed num_ctx ({self.num_ctx})"
            )
        return self

    @model_validator(mode="after")
    def _the_embedded_model_has_one_slot(self) -> Self:
        if self.slots > 1 and self.ollama_url is None:
            raise ValueError("slots: the embedded model writes one answer at a time; for more set ollama_url")
        return self

    @model_validator(mode="after")
    def _one_api_key(self) -> Self:
        if self.elasticsearch_api_key and self.elasticsearch_api_key_file:
            raise ValueError("give elasticsearch_api_key or elasticsearch_api_key_file, not both")
        return self

    @property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @property
    def embedder_name(self) -> str | None:
        """None: search by words alone."""
        return None if self.embedder == "none" else self.embedder

    @property
    def model_name(self) -> str:
        return self.model or ("gemma:2b" if self.ollama_url else "smollm2-135m-instruct")

    @property
    def prompt_budget(self) -> int:
        return self.prompt_tokens or (1536 if self.ollama_url else 640)

    @property
    def answer_budget(self) -> int:
        return self.answer_tokens or (256 if self.ollama_url else 128)


def read_settings(**flags: object) -> Settings:
    """The settings in force; a flag that is None was not given. Raises BadSettings."""
    try:
        _refuse_unknown({*os.environ, *dotenv_values(".env")})
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadSettings("; ".join(_explained(error))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings("the file .env cannot be read: it must be text in UTF-8, and readable") from error


def _explained(error: ValidationError) -> Iterable[str]:
    for problem in error.errors():
        name = f"{PREFIX}{problem['loc'][0]}".upper() + ": " if problem["loc"] else ""
        yield name + problem["msg"].removeprefix("Value error, ")


def _refuse_unknown(variables: set[str]) -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | _NOT_OURS
    for variable in sorted(variables):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            close = difflib.get_close_matches(variable.upper(), known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise BadSettings(f"unknown setting {variable}{hint}")
