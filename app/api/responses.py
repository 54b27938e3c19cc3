"""The failures each operation documents."""

from typing import Any

from app.api.schemas import Problem

_MEANING = {
    401: "This service wants a key",
    403: "The caller may not do this; `detail` says why",
    404: "No such collection",
    408: "The body did not come in time",
    410: "The answer was given more than 24 hours ago",
    413: "The body is larger than 1 MiB",
    415: "The body is not JSON, or Content-Encoding is neither gzip nor identity",
    421: "Unknown Host header",
    422: "The request is not valid, or the question does not fit the prompt",
    429: "Too many questions of this caller",
    503: "The index or the model is not there, or too many questions wait for it",
    504: "The model took too long, or the time the request may take is up",
}
CHECKED = (401, 421)  # of every route but the probes
QUESTION = (*CHECKED, 404, 408, 413, 415, 422, 429, 503, 504)


def problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=`."""
    return {status: {"model": Problem, "description": _MEANING[status]} for status in statuses}
