"""What is found and answered, as HTTP responses."""

import orjson
from fastapi.responses import Response

from app.answering.pipeline import Found
from app.api import server_timing, wire
from app.domain import Answer


def answer_response(answer: Answer, request_id: str) -> Response:
    return _json(wire.answer(answer, request_id), server_timing.of_answer(answer.timings))


def search_response(found: Found, request_id: str) -> Response:
    return _json(wire.search(found, request_id), server_timing.of_search(found))


def _json(body: wire.Json, timing: str) -> Response:
    headers = {"Server-Timing": timing}
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")
