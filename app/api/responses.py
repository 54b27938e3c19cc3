"""What is found and answered, as HTTP responses."""

from fastapi.responses import Response
from pydantic import BaseModel

from app.api import server_timing
from app.api.schemas import AnswerOut, SearchOut
from app.domain import Answer
from app.pipeline import Found


def answer_response(answer: Answer, request_id: str) -> Response:
    return _json(AnswerOut.of(answer, request_id), server_timing.of_answer(answer.timings))


def search_response(found: Found, request_id: str) -> Response:
    return _json(SearchOut.of(found, request_id), server_timing.of_search(found))


def _json(body: BaseModel, timing: str) -> Response:
    # Serialised here: FastAPI would check our own model once more, which takes longer than all of the rest.
    headers = {"Server-Timing": timing}
    return Response(body.model_dump_json().encode(), headers=headers, media_type="application/json")
