"""POST /ask and /ask/stream: a question, answered as JSON or as server-sent events."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import count
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from app.answering.service import Reply
from app.api import problems, server_timing
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
from app.api.questions import Ask
from app.api.responses import QUESTION, problems_of
from app.api.routing import PublicQuestionRoute, QuestionRoute
from app.api.schemas import AnswerOut, SourcesOut, TextOut
from app.domain import Answer, Question, Replacement, Text
from app.errors import AskdError, UnknownCollection
from app.feedback.service import Feedback

log = logging.getLogger(__name__)
router = APIRouter(route_class=QuestionRoute, tags=["ask"], responses=problems_of(*QUESTION))
stream_router = APIRouter(
    route_class=PublicQuestionRoute, tags=["ask"], responses=problems_of(*QUESTION, 403)
)

_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["sources", "token", "replace", "done", "error"]},
        "id": {"type": "string", "description": "counts the events of the stream"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
_STREAM = {
    "description": "`sources` once, `token` many times, perhaps `replace` when the text so far is "
    "taken back, then `done` with the whole answer, or `error` with a problem",
    "content": {
        "text/event-stream": {"itemSchema": _EVENT, "example": 'event: token\ndata: {"text":"Yes"}\n\n'}
    },
}


@router.post("/ask")
async def ask(
    body: Ask,
    request: Request,
    response: Response,
    assistant: AssistantDep,
    feedback: FeedbackDep,
    context: ContextDep,
    deadline: DeadlineDep,
    fresh: Fresh,
) -> AnswerOut:
    """Answer a question from the FAQ, with its sources.

    A question that the FAQ does not answer is a 200 with `status: no_answer`; a failure never is.
    """
    question = body.question_asked()
    async with working(request):
        answer = await assistant.ask(question, deadline, fresh=fresh)
    response.headers["Server-Timing"] = server_timing.of_answer(answer.timings)
    return AnswerOut.of(answer, context.id, feedback.answered(answer, question, context.id))


async def open_reply(
    body: Ask,
    request: Request,
    service: ServiceDep,
    assistant: AssistantDep,
    context: ContextDep,
    deadline: DeadlineDep,
    fresh: Fresh,
) -> AsyncIterator[Reply]:
    """A dependency, so that what fails before the first event still has an HTTP status."""
    question, public = body.question_asked(), context.caller.public
    service.access.check_public(context.caller, question)
    # Whoever has no key cannot make the model write again what is cached.
    opening = assistant.reply(question, deadline, fresh=fresh and not public)
    try:
        async with opened_reply(opening, request, service) as reply:
            yield reply
    except UnknownCollection:
        if not public:
            raise
        # Without the names of those that there are.
        raise UnknownCollection(f"no collection {question.collection!r}") from None


@stream_router.post("/ask/stream", response_class=Response, responses={200: _STREAM})
async def ask_stream(
    body: Ask,
    reply: Annotated[Reply, Depends(open_reply)],
    service: ServiceDep,
    feedback: FeedbackDep,
    context: ContextDep,
) -> Response:
    """The same answer as server-sent events, while it is being written."""
    return EventStream(_events(reply, body.question_asked(), service, feedback, context))


async def _events(
    reply: Reply, question: Question, service: Service, feedback: Feedback, context: RequestContext
) -> AsyncGenerator[bytes]:
    ids = count(1)

    def event(name: str, data: BaseModel) -> bytes:
        return format_sse_event(event=name, id=str(next(ids)), data_str=data.model_dump_json())

    yield event("sources", SourcesOut.of(reply.sources))
    try:
        while (said := await next_event(reply, service)) is not None:
            if isinstance(said, Answer):
                token = feedback.answered(said, question, context.id)
                yield event("done", AnswerOut.of(said, context.id, token))
            elif said.text:  # else it tells only how much has been checked
                yield event(*_told(said))
    except AskdError as error:
        yield event("error", problems.problem_of(error, context))
    except Exception:
        log.exception("unexpected error", extra={"request_id": context.id})
        yield event("error", problems.unexpected(context))


def _told(said: Text | Replacement) -> tuple[str, BaseModel]:
    """Name and data of the event."""
    return "replace" if isinstance(said, Replacement) else "token", TextOut(text=said.text)
