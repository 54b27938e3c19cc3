"""OpenAI's API, for the clients that speak it: models and chat completions."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import format_sse_event

from app.answering.service import Reply
from app.api import problems
from app.api.context import RequestContext
from app.api.dependencies import (
    AssistantDep,
    ContextDep,
    DeadlineDep,
    FeedbackDep,
    Fresh,
    Service,
    ServiceDep,
    next_event,
    opened_reply,
    working,
)
from app.api.event_stream import EventStream
from app.api.openai.checked_text import CheckedText, complete_text, source_list
from app.api.openai.errors import ChatRoute, ErrorOut, OpenAIRoute, error_of
from app.api.openai.models import ModelList, ModelOut, lists_sources, model_named, models_of
from app.api.openai.replies import ChatCompletion, Envelope, TokenUsage, source_event
from app.api.openai.requests import ChatRequest
from app.domain import Answer
from app.errors import AskdError
from app.feedback.service import Feedback

log = logging.getLogger(__name__)
_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorOut, "description": "The request is not one that can be answered"},
    "5XX": {"model": ErrorOut, "description": "The index or the model is not there, or too slow"},
}
router = APIRouter(prefix="/v1", route_class=OpenAIRoute, tags=["openai"], responses=_ERRORS)
chat_router = APIRouter(prefix="/v1", route_class=ChatRoute, tags=["openai"], responses=_ERRORS)


@router.get("/models")
async def models(assistant: AssistantDep) -> ModelList:
    """What a client offers to choose from: all of the FAQ, and each collection of it."""
    return ModelList(data=list(models_of(await assistant.manifest())))


@router.get("/models/{name:path}")
async def model(name: str, assistant: AssistantDep) -> ModelOut:
    """One of them."""
    return model_named(name, await assistant.manifest())


async def open_stream(
    body: ChatRequest,
    request: Request,
    service: ServiceDep,
    assistant: AssistantDep,
    deadline: DeadlineDep,
    fresh: Fresh,
) -> AsyncIterator[Reply | None]:
    """A dependency, so that what fails before the first chunk has a status. None: no stream is wanted."""
    if not body.stream or body.chore is not None:
        yield None
        return
    opening = assistant.reply(body.question_asked(), deadline, fresh=fresh)
    async with opened_reply(opening, request, service) as reply:
        yield reply


@chat_router.post("/chat/completions", response_model=ChatCompletion)
async def chat_completions(
    body: ChatRequest,
    request: Request,
    reply: Annotated[Reply | None, Depends(open_stream)],
    service: ServiceDep,
    assistant: AssistantDep,
    feedback: FeedbackDep,
    context: ContextDep,
    deadline: DeadlineDep,
    fresh: Fresh,
) -> Response | ChatCompletion:
    """The last message is a question to the FAQ; the answer comes as a completion, or as a stream of chunks.

    A question that the FAQ does not answer is a 200, and `askd.status` says so. A stream sends a sentence
    once it has been checked: no client could take it back.
    """
    envelope = Envelope(context.id, body.model)
    if body.chore is not None:
        if not body.stream:
            return envelope.completion(body.chore, None, None)
        return EventStream(_chore(body.chore, body, envelope))
    listed = lists_sources(body.model) or service.chat_sources
    if reply:
        return EventStream(_chunks(reply, body, envelope, service, feedback, context, listed))
    question = body.question_asked()
    async with working(request):
        answer = await assistant.ask(question, deadline, fresh=fresh)
    text = complete_text(answer) + (source_list(answer) if listed else "")
    return envelope.completion(text, answer, feedback.answered(answer, question, context.id))


async def _chunks(
    reply: Reply,
    body: ChatRequest,
    envelope: Envelope,
    service: Service,
    feedback: Feedback,
    context: RequestContext,
    listed: bool,
) -> AsyncGenerator[bytes]:
    yield _data(envelope.chunk({"role": "assistant", "content": ""}))
    for source in reply.sources:
        yield _data(envelope.chunk(event=source_event(source)))
    text = CheckedText()
    try:
        while (said := await next_event(reply, service)) is not None:
            if checked := text.feed(said):
                yield _data(envelope.chunk({"content": checked}))
            if isinstance(said, Answer):
                if listed and (sources := source_list(said)):
                    yield _data(envelope.chunk({"content": sources}))
                token = feedback.answered(said, body.question_asked(), context.id)
                for end in _ending(said, token, body, envelope):
                    yield end
    except AskdError as error:
        problems.problem_of(error, context)  # logged as elsewhere
        yield _data(error_of(error, context))
    except Exception as error:
        log.exception("unexpected error", extra={"request_id": context.id})
        yield _data(error_of(error, context))


async def _chore(text: str, body: ChatRequest, envelope: Envelope) -> AsyncGenerator[bytes]:
    """Whole at once: there is nothing to wait for."""
    yield _data(envelope.chunk({"role": "assistant", "content": text}))
    for end in _ending(None, None, body, envelope):
        yield end


def _ending(
    answer: Answer | None, feedback_token: str | None, body: ChatRequest, envelope: Envelope
) -> Iterator[bytes]:
    yield _data(envelope.last_chunk(answer, feedback_token))
    if body.usage_wanted:
        yield _data(envelope.chunk(usage=TokenUsage.of(answer).model_dump()))
    yield format_sse_event(data_str="[DONE]")


def _data(chunk: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(chunk, ensure_ascii=False, separators=(",", ":")))
