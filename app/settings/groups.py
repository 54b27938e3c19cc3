"""Every setting, in groups. The name of the variable is the field's, in capitals, after `ASKD_`.

The first example of a field shows the right form in error messages; without one the default does.
"""

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import NoDecode

from app.ranking.languages import language_named
from app.settings.access import Access
from app.settings.backends import (
    MODEL_DEFAULTS,
    EmbedderBackend,
    IndexBackend,
    ModelBackend,
    ModelDefaults,
    backend_named,
)
from app.settings.feedback import Feedback
from app.settings.page import Page
from app.settings.shared import Shared
from app.settings.values import address, addresses, split, without_brackets, without_credentials


class Server(BaseModel):
    """Server: where askd listens and keeps its files"""

    host: Annotated[str, AfterValidator(without_brackets)] = Field(
        "127.0.0.1", description="address to listen on; 0.0.0.0 for all of this machine's"
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="port to listen on")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="processes that share the port; each has its part of slots, rate limit and cache"
    )
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: user_data_path("askd", appauthor=False),
        description="folder of the embedded index and the model files; default: the user's data directory",
    )

    @property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @property
    def feedback_dir(self) -> Path:
        return self.data_dir / "feedback"


class Index(BaseModel):
    """Index: where the FAQ is stored and searched"""

    elasticsearch_url: Annotated[
        tuple[AnyHttpUrl, ...] | None, NoDecode, BeforeValidator(addresses(9200))
    ] = Field(
        None,
        description="Elasticsearch 9 to search with, or several nodes of it, comma-separated; unset: the "
        "embedded index",
        examples=["http://127.0.0.1:9200"],
    )
    elasticsearch_api_key: SecretStr | None = Field(None, description="API key for Elasticsearch")
    elasticsearch_api_key_file: Path | None = Field(None, description="file that holds the API key")
    elasticsearch_user: str | None = Field(
        None, description="Elasticsearch user, instead of an API key", examples=["elastic"]
    )
    elasticsearch_password_file: Path | None = Field(None, description="file that holds that user's password")
    elasticsearch_ca: Path | None = Field(
        None,
        description="file of the CA that signed Elasticsearch's certificate (PEM), such as its http_ca.crt",
    )
    elasticsearch_fingerprint: (
        Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$")] | None
    ) = Field(
        None,
        description="SHA-256 of Elasticsearch's own certificate in hexadecimal, instead of a CA",
    )
    index: str = Field("askd", pattern=r"^[a-z][a-z0-9_.-]{0,63}$", description="name of the index")
    index_shards: Annotated[int, Field(ge=1, le=1024)] = Field(
        1, description="Elasticsearch: shards of the index, over which it is spread; applied at ingest"
    )
    index_replicas: Annotated[int, Field(ge=0, le=32)] = Field(
        0,
        description="Elasticsearch: further copies of each shard, on other nodes, which serve when a node is "
        "down; applied at ingest",
    )
    language: Annotated[str, AfterValidator(language_named)] = Field(
        "english",
        description="language of the FAQ, by its name or code (`german`, `de`); applied at ingest",
    )
    synonyms: Path | None = Field(
        None, description="file of synonyms, one comma-separated group a line; applied at ingest"
    )
    search_timeout: PositiveFloat = Field(5.0, description="seconds a search may take")

    @property
    def index_backend(self) -> IndexBackend:
        return "embedded" if self.elasticsearch_url is None else "elasticsearch"


class Embedder(BaseModel):
    """Embedder: search by meaning"""

    embedder: str = Field(
        "bge-small-en-v1.5",
        description="a known name, the path of a folder with model.onnx and tokenizer.json, or `none` "
        "to search by words alone",
    )
    embedder_pooling: Literal["cls", "mean"] = Field(
        "mean", description="custom embedder: how token vectors become one vector (`cls` or `mean`)"
    )
    embedder_prefix: str = Field("", description="custom embedder: prefix of a question")
    embedder_entry_prefix: str = Field("", description="custom embedder: prefix of an entry")
    embedder_tokens: Annotated[int, Field(ge=128, le=8192)] = Field(
        512, description="custom embedder: its window in tokens; longer texts are embedded in several windows"
    )

    @property
    def embedder_name(self) -> str | None:
        """None: search by words alone."""
        return None if self.embedder == "none" else self.embedder

    @property
    def embedder_backend(self) -> EmbedderBackend:
        return "none" if self.embedder_name is None else "onnx"


class Model(BaseModel):
    """Model: what writes the answers"""

    ollama_url: Annotated[tuple[AnyHttpUrl, ...] | None, NoDecode, BeforeValidator(addresses(11434))] = Field(
        None,
        description="Ollama to generate with, or several with the same model, comma-separated; no model "
        "server at all: the embedded model",
        examples=["http://127.0.0.1:11434"],
    )
    ollama_api_key_file: Path | None = Field(
        None, description="file that holds the API key (bearer token) for a proxy before Ollama"
    )
    openai_url: Annotated[
        tuple[Annotated[AnyHttpUrl, AfterValidator(without_credentials)], ...] | None,
        NoDecode,
        BeforeValidator(split),
    ] = Field(
        None,
        description="OpenAI-compatible server to generate with (vLLM, SGLang, llama-server, OpenAI …), or "
        "several with the same model, comma-separated",
        examples=["http://127.0.0.1:8000/v1"],
    )
    openai_api_key_file: Path | None = Field(None, description="file that holds the API key for that server")
    openai_style: Literal["chat", "chat-without-system", "completion", "instruct"] = Field(
        "chat",
        description="how that server's model is addressed: as a chat, as a chat without a system role, or "
        "with text to continue (a base model, or Phi-2's `instruct`)",
    )
    allow_remote_model: bool = Field(
        False,
        description="questions and FAQ entries may be sent to a model server beyond this machine and private "
        "networks",
    )
    model: str | None = Field(
        None,
        description="Ollama tag (default gemma:2b); embedded: a known name (default smollm2-135m-instruct) "
        "or the path of a GGUF file; a prefix `ollama:`, `openai:`, `embedded:` or `t5:` selects the runtime",
    )
    writing: Literal["auto", "quote", "free"] = Field(
        "auto",
        description="`quote`: the model chooses sentences of the best entry; `free`: it writes, and each "
        "sentence is checked; `auto`: by its size, models under 1 billion parameters quote",
    )
    num_ctx: Annotated[int, Field(ge=512, le=131_072)] = Field(
        2048, description="context window in tokens, prompt and answer together"
    )
    prompt_tokens: Annotated[int, Field(ge=128)] | None = Field(
        None, description="token budget of the whole prompt; default 1536, embedded 640", examples=[1536]
    )
    answer_tokens: Annotated[int, Field(ge=16)] | None = Field(
        None, description="most tokens of an answer; default 256, embedded 128", examples=[256]
    )
    num_batch: Annotated[int, Field(ge=1, le=4096)] = Field(
        64, description="prompt tokens per step; a cancelled generation stops at the end of its step"
    )
    num_thread: Annotated[int, Field(ge=1)] | None = Field(
        None, description="CPU threads of the model; default: the runtime's own choice", examples=[4]
    )
    gpu: bool = Field(
        False, description="expect the model in GPU memory: /readyz and `askd models` warn when it is not"
    )
    slots: Annotated[int, Field(ge=1, le=1024)] = Field(
        1,
        description="answers generated at once, by each of several servers; as many as the runtime has slots "
        "(OLLAMA_NUM_PARALLEL)",
    )
    seed: int = Field(42, description="sampling seed; the temperature is always 0")
    keep_alive: str = Field("-1", description="how long Ollama keeps the model loaded; -1: for ever")
    connect_timeout: PositiveFloat = Field(3.0, description="seconds to connect to the model's server")
    first_token_timeout: PositiveFloat = Field(
        90.0, description="seconds until the first token, which include loading a cold model"
    )
    generate_timeout: PositiveFloat = Field(300.0, description="seconds for a whole answer")

    @property
    def model_backend(self) -> ModelBackend:
        """As the model's prefix says, else as the URL that is set does."""
        named, _ = backend_named(self.model)
        if named or not (self.ollama_url or self.openai_url):
            return named or "embedded"
        return "ollama" if self.ollama_url else "openai"

    @property
    def model_urls(self) -> tuple[str, ...]:
        """Of its servers; none where it runs in askd, or where the server is at its own default address."""
        urls = {"ollama": self.ollama_url, "openai": self.openai_url}.get(self.model_backend)
        return tuple(str(url) for url in urls or ())

    @property
    def model_defaults(self) -> ModelDefaults:
        return MODEL_DEFAULTS[self.model_backend]

    @property
    def model_name(self) -> str:
        """Without the prefix."""
        _, name = backend_named(self.model)
        return name or self.model_defaults.model or ""

    @property
    def prompt_budget(self) -> int:
        return self.prompt_tokens or self.model_defaults.prompt_tokens

    @property
    def answer_budget(self) -> int:
        return self.answer_tokens or self.model_defaults.answer_tokens


class Limits(BaseModel):
    """Limits: time, and memory for cached answers"""

    request_timeout: PositiveFloat = Field(
        120.0, description="seconds a request may take unless it sets X-Request-Timeout"
    )
    max_request_timeout: PositiveFloat = Field(600.0, description="largest X-Request-Timeout, in seconds")
    cache_entries: NonNegativeInt = Field(1000, description="answers in the cache; 0 switches it off")
    cache_bytes: PositiveInt = Field(32_000_000, description="approximate size of the cache in bytes")
    cache_seconds: PositiveFloat = Field(3600.0, description="seconds an answer stays in the cache at most")


class Telemetry(BaseModel):
    """Telemetry: logs and traces"""

    otlp_endpoint: Annotated[AnyHttpUrl, BeforeValidator(address(4318))] | None = Field(
        None,
        description="OpenTelemetry collector for traces (OTLP over HTTP); unset: no traces",
        examples=["http://127.0.0.1:4318"],
    )
    trace_content: bool = Field(False, description="put questions and answers into the traces, word for word")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level to log: debug, info, warning or error"
    )


GROUPS: tuple[type[BaseModel], ...] = (
    Server,
    Index,
    Embedder,
    Model,
    Limits,
    Access,
    Page,
    Feedback,
    Shared,
    Telemetry,
)
