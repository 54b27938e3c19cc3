"""Failures in the form that clients of OpenAI's API read."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from app.api import problems
from app.api.context import RequestContext, context_of
from app.api.routing import ApiRoute
from app.errors import AskdError, UnknownCollection, name_of

_INVALID = "invalid_request_error"
_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


class ErrorBody(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorOut(BaseModel):
    error: ErrorBody


class OpenAIRoute(ApiRoute):
    def error_response(self, error: Exception, request: Request) -> Response:
        return response_of(error, request)


class ChatRoute(OpenAIRoute):
    limited = True


def response_of(error: Exception, request: Request) -> Response:
    """With the status and the headers that the same failure has elsewhere, but 400 for 422."""
    problem = problems.response_of(error, request)
    status = 400 if problem.status_code == 422 else problem.status_code
    told = {name: value for name, value in problem.headers.items() if not name.startswith("content-")}
    return JSONResponse(error_of(error, context_of(request.scope)), status, told)


def error_of(error: Exception, context: RequestContext) -> dict[str, Any]:
    """For an AskdError, a RequestValidationError, an HTTPException, or what nobody handled."""
    match error:
        case UnknownCollection():
            body = ErrorBody(message=str(error), type=_INVALID, param="model", code="model_not_found")
        case AskdError():
            status = problems.status_of(type(error))
            kind = "server_error" if status >= 500 else _INVALID
            body = ErrorBody(message=str(error), type=kind, code=name_of(type(error)).replace("-", "_"))
        case RequestValidationError():
            body = _invalid(error)
        case HTTPException():
            body = _refused(error)
        case _:
            message = problems.unexpected(context).detail
            body = ErrorBody(message=message, type="server_error", code="internal_error")
    return ErrorOut(error=body).model_dump()


def _invalid(error: RequestValidationError) -> ErrorBody:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    message = "; ".join(
        f"{'.'.join(str(part) for part in each['loc'][1:]) or 'body'}: {each['msg']}"
        for each in error.errors()
    )
    return ErrorBody(message=message, type=_INVALID, param=field or None, code="invalid_request")


def _refused(error: HTTPException) -> ErrorBody:
    message, status = str(error.detail), error.status_code
    if status in (404, 405):
        message = "under /v1 there is GET /v1/models, GET /v1/models/ID and POST /v1/chat/completions"
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else _INVALID
    return ErrorBody(message=message, type=kind, code=_CODES.get(status, "invalid_request"))
