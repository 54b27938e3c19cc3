"""The vocabulary of the service: plain values, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


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
class Hit:
    """A ranked entry; `score` is 0–1 and orders the hits of one search."""

    entry: FaqEntry
    score: float
    lexical: float | None = None
    semantic: float | None = None


# --- generation --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the model's runtime counts them. `cached_tokens`: prompt tokens served from its
    cache; None: unknown."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None

    def __add__(self, other: "Usage") -> "Usage":
        known = [each for each in (self.cached_tokens, other.cached_tokens) if each is not None]
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(known) if known else None,
        )


# --- questions and answers ---------------------------------------------------------------------


class Mode(StrEnum):
    AUTO = "auto"  # the model writes, unless the FAQ's own words are the better answer
    GENERATE = "generate"  # the model writes or the request fails
    EXTRACT = "extract"  # the best entry's own words, no model


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said in a conversation: a question, or the answer to it."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Question:
    """`text` is trimmed and NFC; `limit` is the most sources wanted; `history` has its newest turn last."""

    text: str
    collection: str | None = None
    limit: int = 5
    mode: Mode = Mode.AUTO
    history: Sequence[Turn] = ()


class Status(StrEnum):
    ANSWERED = "answered"
    SUGGESTED = "suggested"  # unsure: the nearest entries may help
    NO_ANSWER = "no_answer"  # the FAQ does not hold it: an answer, not a failure


class Origin(StrEnum):
    GENERATED = "generated"
    QUOTED = "quoted"  # the beginning of an entry, in whole sentences; a model may lengthen it
    EXTRACTED = "extracted"


class Support(StrEnum):
    """How far a sentence was checked against its source."""

    QUOTED = "quoted"  # word for word in the source
    MATCHED = "matched"  # numbers, names, commands and links stand there, nothing reverses its meaning
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, without marks; `source` counts from 1, None where nothing supports it."""

    text: str
    source: int | None
    support: Support


NoticeCode = Literal[
    "unsupported",
    "answers_differ",
    "answer_cut",
    "entry_too_long",
    "other_language",
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
class Part:
    """One of several things a question asks."""

    question: str
    status: Status
    sources: Sequence[int] = ()  # positions, from 1: what answers it, or is nearest


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
    sentences: Sequence[Sentence] = ()  # of the text, in order, marks aside
    asked: str | None = None  # what was searched for, where it is not the question as it came
    parts: Sequence[Part] = ()  # of a question that asks several things
    index_version: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A further piece of the answer.

    `checked`: how many characters of the text so far are of sentences that were checked; None: all of them.
    """

    text: str
    checked: int | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """The text so far is taken back; this is the answer."""

    text: str


Event = Text | Replacement | Answer  # an Answer is the last one
