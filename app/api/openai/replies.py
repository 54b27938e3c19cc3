"""Answers in the shapes of OpenAI's API. What it has no field for travels under `askd`."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from app.api.schemas import AnswerOut
from app.domain import Answer, Source

FinishReason = Literal["stop", "length"]


class UrlCitation(BaseModel):
    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(BaseModel):
    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class AssistantMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    index: int = 0
    message: AssistantMessage
    finish_reason: FinishReason
    logprobs: None = None


class TokenUsage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0

    @classmethod
    def of(cls, answer: Answer | None) -> "TokenUsage":
        """Zeros where no model wrote: clients add them up."""
        if answer is None or answer.usage is None:
            return cls()
        prompt, completion = answer.usage.prompt_tokens, answer.usage.completion_tokens
        return cls(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage
    citations: list[str]
    askd: AnswerOut | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all parts of a reply share."""

    request_id: str
    model: str  # as the client named it
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        return f"chatcmpl-{self.request_id}"

    def completion(self, text: str, answer: Answer | None, feedback_token: str | None) -> ChatCompletion:
        """`answer`: None where the client's own chore was done, such as a title for the conversation."""
        sources = answer.sources if answer else ()
        message = AssistantMessage(content=text, annotations=annotations_of(text, sources))
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[Choice(message=message, finish_reason=finish_reason(answer))],
            usage=TokenUsage.of(answer),
            citations=citations_of(sources),
            askd=AnswerOut.of(answer, self.request_id, feedback_token) if answer else None,
        )

    def chunk(
        self, delta: dict[str, str] | None = None, finish: FinishReason | None = None, **more: Any
    ) -> dict[str, Any]:
        """`delta`: None for a chunk without choices; `finish` ends the text."""
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }

    def last_chunk(self, answer: Answer | None, feedback_token: str | None) -> dict[str, Any]:
        """Ends the text, and carries the whole answer."""
        finish = finish_reason(answer)
        if answer is None:
            return self.chunk({}, finish)
        whole = AnswerOut.of(answer, self.request_id, feedback_token).model_dump(mode="json")
        return self.chunk({}, finish, citations=citations_of(answer.sources), askd=whole)


def source_event(source: Source) -> dict[str, Any]:
    """A source as Open WebUI reads it from a chunk.

    It merges sources whose `metadata.source` is equal, and asks another server for an icon where that is an
    address: hence the entry's key, never its link.
    """
    entry = source.hit.entry
    key, link = f"faq/{entry.collection}/{entry.id}", entry.url
    origin = {"id": key, "name": entry.question} | ({"url": link} if link else {})
    about = {"source": key, "name": entry.question} | ({"source_url": link} if link else {})
    data = {
        "source": origin,
        "document": [entry.answer],
        "metadata": [about],
        "distances": [round(source.hit.score, 4)],
    }
    return {"type": "source", "data": data}


def finish_reason(answer: Answer | None) -> FinishReason:
    cut = answer is not None and any(notice.code == "answer_cut" for notice in answer.notices)
    return "length" if cut else "stop"


def citations_of(sources: Sequence[Source]) -> list[str]:
    """The links of the entries that the answer rests on, each once."""
    return list(
        dict.fromkeys(source.hit.entry.url for source in sources if source.cited and source.hit.entry.url)
    )


def annotations_of(text: str, sources: Sequence[Source]) -> list[Annotation]:
    """Where the text cites an entry that has a link. Positions count code points."""
    found = []
    for place, source in enumerate(sources, start=1):
        entry = source.hit.entry
        if not (source.cited and entry.url):
            continue
        for mark in re.finditer(rf"\[{place}\]", text):
            citation = UrlCitation(
                url=entry.url, title=entry.question, start_index=mark.start(), end_index=mark.end()
            )
            found.append(Annotation(url_citation=citation))
    return sorted(found, key=lambda annotation: annotation.url_citation.start_index)
