"""Failures as problem documents (RFC 9457). The classes are in app/errors.py; each has its STATUS here."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from app import errors
from app.api.context import RequestContext, context_of
from app.api.schemas import FieldError, Problem
from app.errors import AskdError, name_of

log = logging.getLogger(__name__)

STATUS: Mapping[type[AskdError], HTTPStatus] = {
    errors.UnknownCollection: HTTPStatus.NOT_FOUND,
    errors.QuestionTooLong: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NothingFits: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.SearchUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.IndexMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.IndexUnreadable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ModelUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ModelMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ModelTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    errors.Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.PromptTooLong: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.FeedbackTokenInvalid: HTTPStatus.FORBIDDEN,
    errors.FeedbackTokenExpired: HTTPStatus.GONE,
    errors.FeedbackUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    errors.ShuttingDown: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SetupError: HTTPStatus.INTERNAL_SERVER_ERROR,  # raised at startup only
}
# Failures that are no AskdError: status -> name of the problem.
PLAIN: Mapping[int, str] = {
    400: "malformed-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "request-too-large",
    415: "unsupported-media-type",
    421: "misdirected-request",
    422: "invalid-request",
    429: "too-many-requests",
    431: "head-too-large",
    500: "internal-error",
    501: "not-installed",
}
ErrorResponse = Callable[[Exception, Request], Response]
_RETRY_AFTER = "5"  # seconds: about what a server needs to come back
PROBLEM = "application/problem+json"


def status_of(error: type[AskdError]) -> HTTPStatus:
    """The status of the error or, where it has none of its own, of the nearest base class that has."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem_of(error: AskdError, context: RequestContext) -> Problem:
    """Logged where it is not the caller's fault."""
    problem = _problem(status_of(type(error)), name_of(type(error)), str(error), context)
    if problem.status >= 500:
        facts = {"problem": problem.type, "request_id": context.id, "reason": error.reason}
        log.warning("request failed", extra=facts)
    return problem


def unexpected(context: RequestContext) -> Problem:
    """For an unhandled exception, which is logged with the request id."""
    return _problem(
        500, PLAIN[500], f"an unexpected error; the log has it under request id {context.id}", context
    )


def response_of(error: Exception, request: Request) -> Response:
    """The response for an AskdError, a RequestValidationError, an HTTPException, or what nobody handled."""
    context = context_of(request.scope)
    match error:
        case AskdError():
            problem = problem_of(error, context)
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
            return _response(problem, headers)
        case RequestValidationError():
            fields = [_field(item) for item in error.errors()]
            detail = "; ".join(f"{field.field}: {field.detail}" for field in fields)
            return _response(_problem(422, PLAIN[422], detail, context, fields))
        case HTTPException():
            name = PLAIN.get(error.status_code, "http-error")
            problem = _problem(
                error.status_code, name, _detail(error, request.url.path, context.method), context
            )
            headers = dict(error.headers or {})
            if "GET" in headers.get("Allow", "").split(", "):
                headers["Allow"] += ", HEAD"
            return _response(problem, headers)
        case _:
            return _response(unexpected(context))


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    retry = {"Retry-After": _RETRY_AFTER} if problem.status in (429, 503) else {}
    return Response(problem.model_dump_json(), problem.status, {**retry, **(headers or {})}, PROBLEM)


def install(app: FastAPI, forms: Mapping[str, ErrorResponse]) -> ErrorResponse:
    """Also answers what fails outside of routes: no such path, a method it does not take.

    `forms`: path prefix -> error format, where clients read another one than problems. Returns the function
    that builds the error response for a request, unhandled errors included.
    """

    def respond(error: Exception, request: Request) -> Response:
        path = request.url.path
        form = next((form for beginning, form in forms.items() if path.startswith(beginning)), response_of)
        return form(error, request)

    async def handle(request: Request, error: Exception) -> Response:
        return respond(error, request)

    for kind in (AskdError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)
    return respond


def _problem(
    status: int, name: str, detail: str, context: RequestContext, fields: list[FieldError] | None = None
) -> Problem:
    context.problem = name
    phrase = HTTPStatus(status).phrase if name == PLAIN.get(status) else name.replace("-", " ").capitalize()
    return Problem(
        type=f"/problems/{name}",
        title=phrase,
        status=int(status),
        detail=detail,
        request_id=context.id,
        errors=fields,
    )


def _field(item: Mapping[str, Any]) -> FieldError:
    if item["type"] == "json_invalid":
        detail = f"not valid JSON at character {item['loc'][-1]}: {item['ctx']['error']}"
        return FieldError(field="body", detail=detail)
    path = [str(part) for part in item["loc"] if part != "body"]
    return FieldError(field=".".join(path) or "body", detail=item["msg"].removeprefix("Value error, "))


def _detail(error: HTTPException, path: str, method: str) -> str:
    if error.detail != HTTPStatus(error.status_code).phrase:  # else it is the router's own
        return str(error.detail)
    return {
        404: f"there is nothing at {path}; /docs lists what there is",
        405: f"{path} does not take {method}",
    }.get(error.status_code, str(error.detail))
