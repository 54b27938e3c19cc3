"""POST /ask and /ask/stream, answered before routing when all about them is as usual.

FastAPI's routing, its dependencies and its checks of them take a third of the time that askd needs for a
question. Whatever is unusual about a request is left to its route, which says what is wrong with it.
"""

import asyncio
from typing import NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.answering.service import Assistant
from app.api.asking import answer, stream
from app.api.errors import problem_response
from app.api.patience import HEADER, Patience
from app.api.responses import answer_response
from app.api.schemas import Ask
from app.domain import Answer, Question
from app.errors import AskdError, RetrievalError
from app.traffic.deadline import Deadline

# Seconds in which the index has to tell its version, before a kept answer is not waited for any more.
_AT_ONCE = 0.1
_ASKING = {"/ask": answer, "/ask/stream": stream}


class _Asked(NamedTuple):
    question: Question
    deadline: Deadline


class Front:
    """Pure ASGI, inside of `Bodies`, which has read the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        respond = (
            _ASKING.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        )
        asked = respond and _usual(scope)
        if respond is None or not asked:
            await self.app(scope, receive, send)
            return
        state = scope["state"]
        assistant: Assistant = state["assistant"]
        if respond is answer and (kept := await _kept(assistant, asked.question)):
            response = answer_response(kept, state["request_id"])
        else:
            draining = scope["app"].state.draining
            try:
                response = await respond(
                    assistant, asked.question, asked.deadline, receive, draining, state["request_id"]
                )
                await response(scope, receive, send)
                return
            except AskdError as error:
                response = problem_response(error, state["request_id"])
        await response(scope, receive, send)


def _usual(scope: Scope) -> _Asked | None:
    state = scope["state"]
    headers = Headers(scope=scope)
    if "body" not in state or "assistant" not in state:
        return None
    if headers.get("content-type") != "application/json" or "cache-control" in headers:
        return None
    patience: Patience = scope["app"].state.patience
    try:
        return _Asked(
            Ask.model_validate_json(state["body"]).question_asked(), patience.deadline(headers.get(HEADER))
        )
    except (RequestValidationError, ValidationError):
        return None


async def _kept(assistant: Assistant, question: Question) -> Answer | None:
    """Without the tasks that waiting for a hang-up takes."""
    if not len(assistant.cache):
        return None
    try:
        async with asyncio.timeout(_AT_ONCE):
            return await assistant.kept(question)
    except (RetrievalError, TimeoutError):
        return None
