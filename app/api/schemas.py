"""What callers get. Each model is made from the domain's values by `of`.

With `model_construct`: what is right by construction need not be validated.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self, get_args

from pydantic import BaseModel, Field

from app import domain
from app.answering.retrieval import RetrievalResult
from app.domain import Origin, Status, Support
from app.indexes.manifest import Manifest


class _Entry(BaseModel):
    id: str
    collection: str
    section: str
    question: str
    answer: str
    url: str | None
    score: float = Field(description="0–1; orders the hits of one search")


def _entry(hit: domain.Hit) -> dict[str, Any]:
    """The fields of `_Entry`."""
    entry = hit.entry
    return {
        "id": entry.id,
        "collection": entry.collection,
        "section": entry.section,
        "question": entry.question,
        "answer": entry.answer,
        "url": entry.url,
        "score": round(hit.score, 4),
    }


class StreamSource(_Entry):
    in_prompt: bool = Field(description="the model was given this entry")

    @classmethod
    def of(cls, source: domain.Source) -> "StreamSource":
        return cls.model_construct(**_entry(source.hit), in_prompt=source.in_prompt)


class Source(StreamSource):
    cited: bool = Field(description="the answer rests on this entry")

    @classmethod
    def of(cls, source: domain.Source) -> "Source":
        return cls.model_construct(**_entry(source.hit), in_prompt=source.in_prompt, cited=source.cited)


class Hit(_Entry):
    lexical: float | None = Field(description="BM25; comparable within one search only")
    semantic: float | None = Field(description="cosine; null where no embedder took part")

    @classmethod
    def of(cls, hit: domain.Hit) -> "Hit":
        return cls.model_construct(**_entry(hit), lexical=hit.lexical, semantic=hit.semantic)


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = Field(
        description="tokens of the prompt that the model had in its cache; null where it does not tell"
    )
    sources_in_prompt: int
    sources_dropped: int = Field(description="entries found but left out of the prompt, whole")

    @classmethod
    def of(cls, usage: domain.Usage, sources: Sequence[domain.Source]) -> "Usage":
        in_prompt = sum(source.in_prompt for source in sources)
        return cls.model_construct(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            sources_in_prompt=in_prompt,
            sources_dropped=len(sources) - in_prompt,
        )


class Notice(BaseModel):
    code: str = Field(description=f"one of {', '.join(get_args(domain.NoticeCode))}; more may come")
    detail: str

    @classmethod
    def all_of(cls, notices: Sequence[domain.Notice]) -> list["Notice"]:
        return [cls.model_construct(code=notice.code, detail=notice.detail) for notice in notices]


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

    @classmethod
    def of(cls, timings: domain.Timings) -> "Timings":
        first = timings.first_token
        return cls.model_construct(
            retrieve=round(timings.retrieve, 1),
            queue=round(timings.queue, 1),
            queue_position=timings.queue_position,
            first_token=None if first is None else round(first, 1),
            total=round(timings.total, 1),
        )


class Sentence(BaseModel):
    text: str = Field(description="without marks")
    source: int | None = Field(description="`n` means `sources[n-1]`; null where no entry supports it")
    support: Support = Field(
        description="`quoted`: word for word in the source; `matched`: its numbers, names, commands and "
        "links stand there and nothing contradicts it; `unmatched` (mode `generate` only)"
    )

    @classmethod
    def of(cls, sentence: domain.Sentence) -> "Sentence":
        return cls.model_construct(text=sentence.text, source=sentence.source, support=sentence.support)


class Part(BaseModel):
    """One of several things a question asks."""

    question: str
    status: Status
    sources: list[int] = Field(description="positions in `sources`, from 1: what answers it, or is nearest")

    @classmethod
    def of(cls, part: domain.Part) -> "Part":
        return cls.model_construct(question=part.question, status=part.status, sources=list(part.sources))


class AnswerOut(BaseModel):
    status: Status = Field(
        description="`suggested`: unsure, the nearest entries may help; `no_answer`: the FAQ does not hold it"
    )
    answer: str = Field(description="`[n]` means `sources[n-1]`; where not `answered` a fixed sentence")
    origin: Origin | None = Field(
        description="`generated`: the model's words, checked; `quoted`: the beginning of an entry, "
        "which the model can lengthen; `extracted`: an entry, no model; null where no answer is given"
    )
    sentences: list[Sentence] = Field(description="of the answer, each with what it rests on")
    sources: list[Source] = Field(description="best first; where not `answered` the nearest entries")
    parts: list[Part] = Field(
        default_factory=list, description="of a question that asks several things; else empty"
    )
    asked: str | None = Field(
        None,
        description="what was searched for, where `history` completed the question, or where greetings, "
        "quoted mail or logs were set aside",
    )
    confidence: float | None = Field(ge=0, le=1, description="calibrated: that the first source answers")
    model: str | None = Field(description="null where no model wrote")
    cached: bool
    usage: Usage | None = Field(description="null where no model wrote")
    notices: list[Notice] = Field(description="why the answer is less than it could be")
    timings_ms: Timings
    request_id: str
    feedback_token: str | None = Field(
        None, description="for POST /feedback, valid for 24 hours; null where no feedback is taken"
    )

    @classmethod
    def of(cls, answer: domain.Answer, request_id: str, feedback_token: str | None = None) -> "AnswerOut":
        return cls.model_construct(
            status=answer.status,
            answer=answer.text,
            origin=answer.origin,
            sentences=[Sentence.of(sentence) for sentence in answer.sentences],
            sources=[Source.of(source) for source in answer.sources],
            parts=[Part.of(part) for part in answer.parts],
            asked=answer.asked,
            confidence=None if answer.confidence is None else round(answer.confidence, 4),
            model=answer.model,
            cached=answer.cached,
            usage=Usage.of(answer.usage, answer.sources) if answer.usage else None,
            notices=Notice.all_of(answer.notices),
            timings_ms=Timings.of(answer.timings),
            request_id=request_id,
            feedback_token=feedback_token,
        )


class SourcesOut(BaseModel):
    """The data of the event `sources`."""

    sources: list[StreamSource]

    @classmethod
    def of(cls, sources: Sequence[domain.Source]) -> "SourcesOut":
        return cls.model_construct(sources=[StreamSource.of(source) for source in sources])


class TextOut(BaseModel):
    """The data of the events `token` and `replace`."""

    text: str


class SearchOut(BaseModel):
    hits: list[Hit] = Field(description="best first")
    confidence: float | None = Field(ge=0, le=1, description="calibrated: that the first hit answers")
    notices: list[Notice]
    timings_ms: SearchTimings
    request_id: str

    @classmethod
    def of(cls, found: RetrievalResult, request_id: str) -> "SearchOut":
        retrieve = round(found.retrieve_ms, 1)
        timings = SearchTimings.model_construct(
            embed=round(found.embed_ms, 1),
            search=round(found.search_ms, 1),
            retrieve=retrieve,
            total=retrieve,
        )
        return cls.model_construct(
            hits=[Hit.of(hit) for hit in found.ranking.hits],
            confidence=round(found.ranking.confidence, 4),
            notices=Notice.all_of(found.notices),
            timings_ms=timings,
            request_id=request_id,
        )


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


class FieldError(BaseModel):
    field: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="`/problems/<name>`, stable; docs/http.md lists all")
    title: str
    status: int
    detail: str = Field(description="what went wrong and what to do")
    request_id: str
    errors: Sequence[FieldError] | None = Field(
        None, description="the fields that are wrong (422)", exclude_if=lambda errors: errors is None
    )
