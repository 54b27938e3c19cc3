"""A question, asked over HTTP: the same for its route and for what comes before routing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from starlette.responses import Response
from starlette.types import Receive

from app.answering.service import Assistant, Reply
from app.api import wire
from app.api.errors import problem_of
from app.api.responses import answer_response
from app.api.streams import Event, EventStream, unless_gone
from app.domain import Answer, Question, Replacement, Text
from app.errors import AskdError
from app.traffic.deadline import Deadline
from app.traffic.draining import Draining, stopping


async def answer(
    assistant: Assistant,
    question: Question,
    deadline: Deadline,
    receive: Receive,
    draining: Draining,
    request_id: str,
    *,
    fresh: bool = False,
) -> Response:
    """Raises AskdError, or ClientDisconnect."""
    draining.check()
    found = await unless_gone(receive, assistant.ask(question, deadline, fresh=fresh), draining)
    return answer_response(found, request_id)


async def stream(
    assistant: Assistant,
    question: Question,
    deadline: Deadline,
    receive: Receive,
    draining: Draining,
    request_id: str,
    *,
    fresh: bool = False,
) -> Response:
    """The same as server-sent events: what fails before they begin is raised, later it is one of them."""
    draining.check()
    async with AsyncExitStack() as opened:
        reply = assistant.reply(question, deadline, fresh=fresh)
        events = _events(await unless_gone(receive, opened.enter_async_context(reply), draining), request_id)
        last_words = Event("error", problem_of(stopping(), request_id))
        return EventStream(opened.pop_all(), events, draining, last_words)
    raise AssertionError("unreachable: nothing in the block is suppressed")


async def _events(reply: Reply, request_id: str) -> AsyncIterator[Event]:
    sources = [wire.stream_source(source) for source in reply.sources]
    yield Event("sources", {"sources": sources})
    try:
        async for said in reply.events:
            match said:
                case Text(text):
                    yield Event("token", {"text": text})
                case Replacement(text):
                    yield Event("replace", {"text": text})
                case Answer():
                    yield Event("done", wire.answer(said, request_id))
    except AskdError as error:
        yield Event("error", problem_of(error, request_id))
