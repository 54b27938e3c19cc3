from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from app.api.errors import problem_of
from app.api.schemas import (
    AnswerOut,
    Ask,
    CollectionsOut,
    Live,
    Problem,
    ReadinessOut,
    Search,
    SearchOut,
    StreamSource,
)
from app.api.streams import EventStream, event, unless_gone
from app.assistant import Assistant, Reply
from app.domain import Answer, Replacement, Text
from app.errors import AskdError
from app.readiness import Readiness


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem, "description": _MEANING[status]} for status in statuses}


_MEANING = {
    404: "No such collection",
    413: "The body is larger than 64 KiB",
    415: "The body is no JSON",
    422: "The request is not valid, or the question does not fit the prompt",
    503: "The index or the model is not there",
    504: "The model took too long",
}
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["sources", "token", "replace", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
_ASKING = (404, 413, 415, 422, 503, 504)


def get_assistant(request: Request) -> Assistant:
    assistant: Assistant = request.state.assistant
    return assistant


def get_readiness(request: Request) -> Readiness:
    readiness: Readiness = request.state.readiness
    return readiness


def request_id(request: Request) -> str:
    given: str = request.state.request_id
    return given


async def json_only(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send the body as JSON, with the header content-type: application/json")


AssistantDep = Annotated[Assistant, Depends(get_assistant)]
RequestId = Annotated[str, Depends(request_id)]
JSON = Depends(json_only)

router = APIRouter()


@router.post("/ask", dependencies=[JSON], responses=_problems(*_ASKING), tags=["ask"])
async def ask(body: Ask, request: Request, assistant: AssistantDep, request_id: RequestId) -> AnswerOut:
    """Answer a question from the FAQ, with its sources.

    A question that the FAQ does not answer is a 200 with `status: no_answer`; a failure never is.
    """
    answer = await unless_gone(request, assistant.ask(body.question_asked()))
    return AnswerOut.of(answer, request_id)


@router.post(
    "/ask/stream",
    dependencies=[JSON],
    response_class=Response,
    responses={
        200: {
            "description": "`sources` once, `token` many times, perhaps `replace` when the text so far is "
            "taken back, then `done` with the whole answer, or `error` with a problem",
            "content": {
                "text/event-stream": {
                    "itemSchema": _EVENT,
                    "example": 'event: token\ndata: {"text":"Yes"}\n\n',
                }
            },
        },
        **_problems(*_ASKING),
    },
    tags=["ask"],
)
async def ask_stream(body: Ask, request: Request, assistant: AssistantDep, request_id: RequestId) -> Response:
    """The same answer as server-sent events, while it is being written."""
    async with AsyncExitStack() as opened:
        # Entered here: what fails before the stream begins is still an HTTP status.
        reply = await unless_gone(request, opened.enter_async_context(assistant.reply(body.question_asked())))
        return EventStream(opened.pop_all(), _events(reply, request_id))
    raise AssertionError("unreachable: nothing in the block is suppressed")


async def _events(reply: Reply, request_id: str) -> AsyncIterator[bytes]:
    sources = [StreamSource.of(source).model_dump() for source in reply.sources]
    yield event("sources", {"sources": sources})
    try:
        async for said in reply.events:
            match said:
                case Text(text):
                    yield event("token", {"text": text})
                case Replacement(text):
                    yield event("replace", {"text": text})
                case Answer():
                    yield event("done", AnswerOut.of(said, request_id).model_dump(mode="json"))
    except AskdError as error:
        yield event("error", problem_of(error, request_id))


@router.post("/search", dependencies=[JSON], responses=_problems(404, 413, 415, 422, 503), tags=["ask"])
async def search(body: Search, request: Request, assistant: AssistantDep, request_id: RequestId) -> SearchOut:
    """Retrieval alone: the entries nearest to a question."""
    found = await unless_gone(request, assistant.find(body.question_asked()))
    return SearchOut.of(found, request_id)


@router.get("/collections", responses=_problems(503), tags=["index"])
async def collections(assistant: AssistantDep) -> CollectionsOut:
    """The collections of the index, and which version of it is serving."""
    return CollectionsOut.of(await assistant.manifest())


@router.get("/livez", tags=["health"])
async def livez() -> Live:
    """The process runs."""
    return Live()


@router.get(
    "/readyz",
    response_model=ReadinessOut,
    responses={503: {"model": ReadinessOut, "description": "Not ready; `missing` says why"}},
    tags=["health"],
)
async def readyz(readiness: Annotated[Readiness, Depends(get_readiness)]) -> Response:
    """Whether questions can be answered: 503 until the index is filled and the model loaded, and whenever
    the index is gone; later troubles are a 200 with `degraded`."""
    report = await readiness.report()
    body = ReadinessOut(
        ready=report.ready,
        missing=report.missing,
        degraded=report.degraded,
        model_memory=report.model_memory,
    )
    return JSONResponse(body.model_dump(), 200 if report.ready else 503)
