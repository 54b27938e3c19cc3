"""What the tools take and return."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from app import domain
from app.answering.retrieval import RetrievalResult
from app.api.questions import CollectionName, Limit, QuestionText, limit_of
from app.api.schemas import CollectionOut, IndexOut, Notice
from app.domain import Answer, FaqEntry, Question, Status


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskArguments(_Arguments):
    question: QuestionText
    collection: CollectionName | None = None

    def question_asked(self) -> Question:
        return Question(self.question, self.collection)


class SearchArguments(_Arguments):
    query: QuestionText
    collection: CollectionName | None = None
    limit: Limit = None

    def question_asked(self) -> Question:
        return Question(self.query, self.collection, limit_of(self.limit))


class FetchArguments(_Arguments):
    id: Annotated[str, Field(min_length=1, max_length=2_000, description="COLLECTION/ID, as results have it")]


class NoArguments(_Arguments):
    pass


class SourceOut(BaseModel):
    n: int = Field(description="`[n]` in the answer")
    id: str = Field(description="COLLECTION/ID, for the tool `fetch`")
    collection: str
    question: str
    answer: str
    url: str | None
    cited: bool = Field(description="the answer rests on this entry")

    @classmethod
    def of(cls, n: int, source: domain.Source) -> "SourceOut":
        entry = source.hit.entry
        return cls(
            n=n,
            id=id_of(entry),
            collection=entry.collection,
            question=entry.question,
            answer=entry.answer,
            url=entry.url,
            cited=source.cited,
        )


class AskOut(BaseModel):
    status: Status = Field(
        description="`suggested`: unsure, the nearest entries may help; `no_answer`: the FAQ does not hold "
        "it, so do not answer from elsewhere"
    )
    answer: str
    sources: list[SourceOut]
    confidence: float | None
    notices: list[Notice]
    request_id: str

    @classmethod
    def of(cls, answer: Answer, request_id: str) -> "AskOut":
        return cls(
            status=answer.status,
            answer=answer.text,
            sources=[SourceOut.of(n, source) for n, source in enumerate(answer.sources, start=1)],
            confidence=None if answer.confidence is None else round(answer.confidence, 4),
            notices=Notice.all_of(answer.notices),
            request_id=request_id,
        )


class ResultOut(BaseModel):
    id: str
    title: str
    url: str = Field(description="of the entry; where it has none, the resource of it")
    text: str
    score: float = Field(description="0–1; orders the results of one search")


class SearchOut(BaseModel):
    results: list[ResultOut]
    confidence: float = Field(description="calibrated, 0–1: that the first result answers the query")

    @classmethod
    def of(cls, found: RetrievalResult) -> "SearchOut":
        results = [
            ResultOut(
                id=id_of(hit.entry),
                title=hit.entry.question,
                url=hit.entry.url or uri_of(hit.entry),
                text=hit.entry.answer,
                score=round(hit.score, 4),
            )
            for hit in found.ranking.hits
        ]
        return cls(results=results, confidence=round(found.ranking.confidence, 4))


class FetchOut(BaseModel):
    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str]

    @classmethod
    def of(cls, entry: FaqEntry) -> "FetchOut":
        return cls(
            id=id_of(entry),
            title=entry.question,
            text=entry.answer,
            url=entry.url or uri_of(entry),
            metadata={"collection": entry.collection, "section": entry.section},
        )


class CollectionsOut(BaseModel):
    index: IndexOut
    collections: Sequence[CollectionOut]


def id_of(entry: FaqEntry) -> str:
    return f"{entry.collection}/{entry.id}"


def uri_of(entry: FaqEntry) -> str:
    return f"faq://{quote(entry.collection, safe='')}/{quote(entry.id, safe='')}"


def markdown_of(entry: FaqEntry) -> str:
    link = f"\n\n<{entry.url}>" if entry.url else ""
    return f"# {entry.question}\n\n{entry.answer}{link}\n"
