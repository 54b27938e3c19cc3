"""What every failure has to look like, and what none may tell."""

import re
from typing import Any

import httpx

PROBLEM = "application/problem+json"
SECRET = "secret-upstream-words"
INTERNALS = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|/(tmp|root|home|usr|api|v1)/|localhost|\d+(\.\d+){3}|:\d{4,5}\b"
    r"|askd-test|_search|_mapping"
)


def check_no_leak(told: object) -> None:
    assert not INTERNALS.search(str(told))
    assert SECRET not in str(told)


def check_problem(problem: dict[str, Any], status: int, name: str) -> None:
    assert (problem["status"], problem["type"]) == (status, f"/problems/{name}")
    assert problem["detail"]
    check_no_leak(problem)


def check_response(response: httpx.Response, status: int, name: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM
    assert response.headers.get("retry-after") == ("5" if status == 503 else None)
    check_problem(response.json(), status, name)
    assert response.json()["request_id"] == response.headers["x-request-id"]
