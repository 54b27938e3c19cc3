"""Every failure as a problem document (RFC 9457): one table, one way out."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from app import errors
from app.errors import AskdError

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
    errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    errors.ShuttingDown: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SetupError: HTTPStatus.INTERNAL_SERVER_ERROR,  # met before serving; never a caller's fault
}
# What HTTP itself says no to: status -> name of the problem.
PLAIN: Mapping[int, str] = {
    400: "malformed-request",
    401: "unauthorized",
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
}
_RETRY_AFTER = "5"  # seconds: about what a server needs to come back
PROBLEM = "application/problem+json"


def name_of(error: type[AskdError]) -> str:
    """`SearchUnavailable` -> `search-unavailable`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in error.__name__)[1:]


def status_of(error: type[AskdError]) -> HTTPStatus:
    """The status of the error or, where it has none of its own, of what it is a kind of."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem_of(error: AskdError, request_id: str) -> dict[str, Any]:
    return _problem(status_of(type(error)), name_of(type(error)), str(error), request_id)


def _problem(status: int, name: str, detail: str, request_id: str) -> dict[str, Any]:
    return {
        "type": f"/problems/{name}",
        "title": HTTPStatus(status).phrase
        if name == PLAIN.get(status)
        else name.replace("-", " ").capitalize(),
        "status": int(status),
        "detail": detail,
        "request_id": request_id,
    }


def plain_problem(
    status: int,
    detail: str,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    fields: Sequence[Mapping[str, str]] = (),
) -> Response:
    body = plain_body(status, detail, request_id)
    return _response(body | ({"errors": fields} if fields else {}), headers)


def plain_body(status: int, detail: str, request_id: str) -> dict[str, Any]:
    return _problem(status, PLAIN.get(status, "http-error"), detail, request_id)


class _ProblemResponse(JSONResponse):
    """Leaves its type in the request's state, for the metrics."""

    def __init__(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(body, body["status"], headers, PROBLEM)
        self._type = body["type"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["problem"] = self._type
        await super().__call__(scope, receive, send)


def _response(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    retry = {"Retry-After": _RETRY_AFTER} if body["status"] in (429, 503) else {}
    return _ProblemResponse(body, {**retry, **(headers or {})})


def install(app: FastAPI) -> None:
    app.add_exception_handler(AskdError, _on_askd_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)


def problem_response(error: AskdError, request_id: str) -> Response:
    body = problem_of(error, request_id)
    if body["status"] >= 500:
        log.warning("request failed", extra={"problem": body["type"], "request_id": body["request_id"]})
    wait = error.retry_after
    return _response(body, {"Retry-After": str(wait)} if wait else None)


async def _on_askd_error(request: Request, error: Exception) -> Response:
    return problem_response(cast(AskdError, error), request.state.request_id)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    fields = [_field(item) for item in cast(RequestValidationError, error).errors()]
    detail = "; ".join(f"{item['field']}: {item['detail']}" for item in fields)
    return plain_problem(422, detail, request.state.request_id, fields=fields)


def _field(item: Mapping[str, Any]) -> dict[str, str]:
    if item["type"] == "json_invalid":
        return {"field": "body", "detail": f"not valid JSON at character {item['loc'][-1]}"}
    path = [str(part) for part in item["loc"] if part != "body"]
    return {"field": ".".join(path) or "body", "detail": item["msg"].removeprefix("Value error, ")}


async def _on_http_error(request: Request, error: Exception) -> Response:
    http = cast(HTTPException, error)
    if http.status_code == 400:  # FastAPI's word for a body that is no UTF-8, or nested without end
        return plain_problem(422, "body: not valid JSON in UTF-8", request.state.request_id)
    detail = {
        404: f"there is nothing at {request.url.path}; /docs lists what there is",
        405: f"{request.url.path} does not take {request.method}",
    }.get(http.status_code, str(http.detail))
    return plain_problem(http.status_code, detail, request.state.request_id, headers=http.headers)
