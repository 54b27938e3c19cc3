"""Answers that were kept, sent before anything else is set in motion: routing and dependencies take
longer than all of the rest. Whatever is unusual about a request is left to its route."""

import asyncio

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.patience import HEADER, Patience
from app.api.responses import answer_response
from app.api.schemas import Ask
from app.errors import RetrievalError

# Seconds in which the index has to tell its version; the route waits longer, until the caller's deadline.
_AT_ONCE = 0.1


class KeptAnswers:
    """Pure ASGI, inside of `Bodies`, which has read the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asking = scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", "/ask")
        response = await _kept(scope) if asking else None
        await (response or self.app)(scope, receive, send)


async def _kept(scope: Scope) -> Response | None:
    state = scope["state"]
    headers = Headers(scope=scope)
    if "body" not in state or "assistant" not in state:
        return None
    if headers.get("content-type") != "application/json" or "cache-control" in headers:
        return None
    patience: Patience = scope["app"].state.patience
    try:
        patience.deadline(headers.get(HEADER))
        question = Ask.model_validate_json(state["body"]).question_asked()
        async with asyncio.timeout(_AT_ONCE):
            answer = await state["assistant"].kept(question)
    except (RequestValidationError, ValidationError, RetrievalError, TimeoutError):
        return None
    return answer and answer_response(answer, state["request_id"])
