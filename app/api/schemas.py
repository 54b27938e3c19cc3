"""The wire models: what a caller sends, and what it gets, which `app.api.wire` writes."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from app import domain
from app.domain import Mode, Origin, Status
from app.indexes.manifest import Manifest


def _trimmed(value: object) -> object:
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else value


def _speakable(text: str) -> str:
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise ValueError("must hold at least one visible character")
    return text


def _whole(value: object) -> object:
    """To JSON 5.0 is the integer 5, and some clients know no other numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


QuestionText = Annotated[
    str,
    BeforeValidator(_trimmed),
    Field(min_length=1, max_length=2000, description="1–2,000 characters after trimming"),
    AfterValidator(_speakable),
]
CollectionName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512),
    Field(description="search in this collection only; all when absent"),
]
Limit = Annotated[
    int,
    Field(strict=True, ge=1, le=20, description="the most sources wanted"),
    BeforeValidator(_whole),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Ask(_Request):
    question: QuestionText
    collection: CollectionName | None = None
    limit: Limit = 5
    mode: Mode = Field(
        Mode.AUTO,
        description="`generate`: the model writes; `extract`: the best entry's own words, no model; "
        "`auto`: the model writes unless the FAQ's own words serve better",
    )

    def question_asked(self) -> domain.Question:
        return domain.Question(self.question, self.collection, self.limit, self.mode)


class Search(_Request):
    question: QuestionText
    collection: CollectionName | None = None
    limit: Limit = 5

    def question_asked(self) -> domain.Question:
        return domain.Question(self.question, self.collection, self.limit)


class _Entry(BaseModel):
    id: str
    collection: str
    section: str
    question: str
    answer: str
    url: str | None
    score: float = Field(description="0–1; orders the hits of one search")


class StreamSource(_Entry):
    in_prompt: bool = Field(description="the model was given this entry")


class Source(StreamSource):
    cited: bool = Field(description="the answer rests on this entry")


class Hit(_Entry):
    lexical: float | None = Field(description="BM25; comparable within one search only")
    semantic: float | None = Field(description="cosine; null where no embedder took part")


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    sources_in_prompt: int
    sources_dropped: int = Field(description="entries found but left out of the prompt, whole")


class Notice(BaseModel):
    code: str = Field(description=f"one of {', '.join(get_args(domain.NoticeCode))}; more may come")
    detail: str


class SearchTimings(BaseModel):
    """Milliseconds, by stage."""

    embed: float
    search: float
    retrieve: float = Field(description="both, and the ranking")
    total: float


class Timings(BaseModel):
    """Milliseconds."""

    retrieve: float
    queue: float
    queue_position: int = Field(
        0, ge=0, description="not a time: how many answers had to end before the model began this one"
    )
    first_token: float | None = Field(description="null where no model wrote")
    total: float


class AnswerOut(BaseModel):
    status: Status
    answer: str = Field(description="`[n]` means `sources[n-1]`")
    origin: Origin | None = Field(description="null for `no_answer`")
    sources: list[Source] = Field(description="best first; for `no_answer` the nearest entries")
    confidence: float | None = Field(ge=0, le=1, description="calibrated: that the first source answers")
    model: str | None = Field(description="null where no model wrote")
    cached: bool
    usage: Usage | None = Field(description="null where no model wrote")
    notices: list[Notice] = Field(description="why the answer is less than it could be")
    timings_ms: Timings
    request_id: str


class SearchOut(BaseModel):
    hits: list[Hit] = Field(description="best first")
    confidence: float | None = Field(ge=0, le=1, description="calibrated: that the first hit answers")
    notices: list[Notice]
    timings_ms: SearchTimings
    request_id: str


class IndexOut(BaseModel):
    version: str
    created: datetime
    embedder: str | None


class CollectionOut(BaseModel):
    name: str
    entries: int


class CollectionsOut(BaseModel):
    index: IndexOut
    collections: list[CollectionOut]

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        return cls(
            index=IndexOut(
                version=manifest.version,
                created=manifest.created,
                embedder=manifest.embedder.name if manifest.embedder else None,
            ),
            collections=[
                CollectionOut(name=name, entries=entries)
                for name, entries in sorted(manifest.collections.items())
            ],
        )


class Live(BaseModel):
    live: bool = True


class ReadinessOut(BaseModel):
    ready: bool
    missing: list[str] = Field(description="what stands in the way of answers")
    degraded: list[str] = Field(description="what makes answers less than they could be")
    model_memory: str | None = Field(
        None,
        description="`gpu`, `cpu` or `gpu and cpu`: where the model is; null where its runtime does not say",
    )


class FieldError(BaseModel):
    field: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="`/problems/<name>`, stable; all are listed in the README")
    title: str
    status: int
    detail: str = Field(description="what went wrong and what to do")
    request_id: str
    errors: Sequence[FieldError] | None = Field(None, description="the fields that are wrong (422)")
