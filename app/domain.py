"""The vocabulary of the service: plain values, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]  # of unit length, so that a dot product is a cosine


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """One question with its answer. Its identity is `key`: ids repeat across collections."""

    id: str
    collection: str
    question: str
    answer: str
    section: str = ""
    url: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.collection, self.id


# --- retrieval ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Which embedder makes the vectors: those of two embedders cannot be compared."""

    name: str
    digest: str  # of its files and of how it pools and prefixes
    dimension: int


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """An entry as it is written to an index; `vector` is None in an index without an embedder."""

    entry: FaqEntry
    vector: Vector | None = None


class Candidate(NamedTuple):  # each search has dozens, and a frozen dataclass takes twice as long
    """An entry an index found, with its raw signals; None where that list did not hold it."""

    entry: FaqEntry
    lexical: float | None = None  # BM25, ≥ 0, comparable only within one search
    semantic: float | None = None  # cosine, −1 to 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one search found, in no promised order, and the index version that answered.

    `semantic_floor` is the cosine of the last entry of the semantic list: no entry beyond it has more.
    """

    found: Sequence[Candidate]
    version: str
    semantic_floor: float | None = None  # None: there was no semantic search


@dataclass(frozen=True, slots=True)
class Hit:
    """A ranked entry; `score` is 0–1 and orders the hits of one search."""

    entry: FaqEntry
    score: float
    lexical: float | None = None
    semantic: float | None = None


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """In how many of the `entries` each word occurs; words of one entry only are left out."""

    entries: int = 0
    frequencies: Mapping[str, int] = field(default_factory=dict)


INDEX_SCHEMA = 2  # counts up when an index stores or analyses something else: older ones need `rebuild`


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index says of itself; written with it, never changed afterwards."""

    version: str
    created: datetime  # UTC
    askd: str  # the version of askd that wrote it
    schema: int
    language: str  # of the analysers
    digest: str  # sha256 of the entries, whatever their order
    collections: Mapping[str, int]  # name -> number of entries
    embedder: EmbedderInfo | None = None  # None: lexical only
    # Groups of words that mean the same here; a question with one of them is searched with all.
    synonyms: Sequence[Sequence[str]] = ()

    @property
    def entries(self) -> int:
        return sum(self.collections.values())


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One version on disk or in the cluster, as `askd index list` shows it."""

    manifest: Manifest
    current: bool
    size_bytes: int
    vectors: Literal["flat", "hnsw"] | None = None  # how its vectors are searched: all of them, or a graph


# --- generation --------------------------------------------------------------------------------


class PromptStyle(StrEnum):
    """How a model wants to be addressed, as its own metadata says."""

    CHAT = "chat"  # a chat template with a system role
    CHAT_WITHOUT_SYSTEM = "chat-without-system"  # gemma: instructions go into the user's turn
    COMPLETION = "completion"  # a base model: plain text to be continued


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What the prompt has to know of a model."""

    name: str  # as the user asked for it: an Ollama tag, a known name or a file's name
    digest: str  # tells two builds of one name apart
    style: PromptStyle
    context_tokens: int  # the window in force, prompt and answer together
    parameters: int | None = None  # how many weights it has; None: its metadata does not say


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Where the model is now; sizes in bytes, None when unknown or not loaded."""

    name: str
    present: bool
    loaded: bool
    size_bytes: int | None = None
    gpu_bytes: int | None = None

    @property
    def memory(self) -> Literal["gpu", "cpu", "gpu and cpu"] | None:
        """Where it is loaded; None when it is not, or its runtime does not say."""
        if self.size_bytes is None or self.gpu_bytes is None:
            return None
        if not self.gpu_bytes:
            return "cpu"
        return "gpu" if self.gpu_bytes >= self.size_bytes else "gpu and cpu"


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is sent. For `PromptStyle.COMPLETION` it is one message, to be continued as it is."""

    style: PromptStyle
    messages: Sequence[Message]
    max_answer_tokens: int
    choices: Sequence[str] = ()  # not empty: the reply must be one of these, word for word
    stop: Sequence[str] = ()  # the reply ends before any of these


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the model's reply. The last one carries `usage`, and `cut` when the token limit ended it."""

    text: str
    usage: Usage | None = None
    cut: bool = False


# --- questions and answers ---------------------------------------------------------------------


class Mode(StrEnum):
    AUTO = "auto"  # the model writes, unless the FAQ's own words are the better answer
    GENERATE = "generate"  # the model writes or the request fails
    EXTRACT = "extract"  # the best entry's own words, no model


@dataclass(frozen=True, slots=True)
class Question:
    """`text` is trimmed and NFC; `limit` is the most sources wanted."""

    text: str
    collection: str | None = None
    limit: int = 5
    mode: Mode = Mode.AUTO


class Status(StrEnum):
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"  # the FAQ does not hold it: an answer, not a failure


class Origin(StrEnum):
    GENERATED = "generated"
    EXTRACTED = "extracted"


NoticeCode = Literal[
    "unsupported",
    "answer_cut",
    "entry_too_long",
    "short_question",
    "overloaded",
    "model_missing",
    "model_timeout",
    "model_unavailable",
    "embedder_unavailable",
    "embedder_mismatch",
    "index_without_vectors",
]


@dataclass(frozen=True, slots=True)
class Notice:
    """Why an answer is less than it could be."""

    code: NoticeCode
    detail: str
    passing: bool = False  # another answer may come soon: this one is not worth keeping


@dataclass(frozen=True, slots=True)
class Source:
    hit: Hit
    in_prompt: bool = False
    cited: bool = False


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds; `first_token` from the start of the request, None where no model wrote."""

    retrieve: float
    queue: float
    first_token: float | None
    total: float
    queue_position: int = 0  # not a time: how many had to end before the model began


@dataclass(frozen=True, slots=True)
class Answer:
    """`[n]` in the text means `sources[n - 1]`."""

    status: Status
    text: str
    origin: Origin | None
    sources: Sequence[Source]
    model: str | None
    usage: Usage | None
    notices: Sequence[Notice]
    timings: Timings
    confidence: float | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A further piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """The text so far is taken back; this is the answer."""

    text: str


Event = Text | Replacement | Answer  # an Answer is the last one
