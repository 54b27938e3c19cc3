from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.answering.readiness import Readiness
from app.answering.service import Assistant
from app.api import asking
from app.api.patience import HEADER, Patience
from app.api.responses import search_response
from app.api.schemas import AnswerOut, Ask, CollectionsOut, Live, Problem, ReadinessOut, Search, SearchOut
from app.api.streams import unless_gone
from app.telemetry.metrics import Metrics
from app.traffic.deadline import Deadline
from app.traffic.draining import Draining


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem, "description": _MEANING[status]} for status in statuses}


_MEANING = {
    401: "This service wants a key",
    404: "No such collection",
    408: "The body did not come in time",
    413: "The body is larger than 64 KiB",
    415: "The body is no JSON",
    421: "This service does not go by the name in the header Host",
    422: "The request is not valid, or the question does not fit the prompt",
    429: "Too many questions of this caller",
    503: "The index or the model is not there, or too many questions wait for it",
    504: "The model took too long, or the time the request may take is up",
}
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["sources", "token", "replace", "done", "error"]},
        "id": {"type": "string", "description": "counts the events of the stream"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
_GUARDED = (401, 421)
_ASKING = (*_GUARDED, 404, 408, 413, 415, 422, 429, 503, 504)


# Dependencies are coroutines, also where they await nothing: FastAPI runs plain functions in threads.
async def get_assistant(request: Request) -> Assistant:
    assistant: Assistant = request.state.assistant
    return assistant


async def get_readiness(request: Request) -> Readiness:
    readiness: Readiness = request.state.readiness
    return readiness


async def request_id(request: Request) -> str:
    given: str = request.state.request_id
    return given


async def get_draining(request: Request) -> Draining:
    given: Draining = request.app.state.draining
    return given


async def deadline(
    request: Request,
    x_request_timeout: Annotated[
        str | None,
        Header(
            alias=HEADER,
            description="seconds you wait for the answer; what cannot be answered in time is refused at once",
        ),
    ] = None,
) -> Deadline:
    patience: Patience = request.app.state.patience
    return patience.deadline(x_request_timeout)


async def fresh(
    cache_control: Annotated[
        str | None, Header(description="`no-cache`: the answer is written anew, not one that was kept")
    ] = None,
) -> bool:
    return cache_control is not None and "no-cache" in cache_control.lower()


async def json_only(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send the body as JSON, with the header content-type: application/json")


AssistantDep = Annotated[Assistant, Depends(get_assistant)]
RequestId = Annotated[str, Depends(request_id)]
DeadlineDep = Annotated[Deadline, Depends(deadline)]
Fresh = Annotated[bool, Depends(fresh)]
DrainingDep = Annotated[Draining, Depends(get_draining)]
JSON = Depends(json_only)

router = APIRouter()


@router.post(
    "/ask", response_model=AnswerOut, dependencies=[JSON], responses=_problems(*_ASKING), tags=["ask"]
)
async def ask(
    body: Ask,
    request: Request,
    assistant: AssistantDep,
    request_id: RequestId,
    deadline: DeadlineDep,
    fresh: Fresh,
    draining: DrainingDep,
) -> Response:
    """Answer a question from the FAQ, with its sources.

    A question that the FAQ does not answer is a 200 with `status: no_answer`; a failure never is.
    """
    asked = body.question_asked()
    return await asking.answer(assistant, asked, deadline, request.receive, draining, request_id, fresh=fresh)


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
async def ask_stream(
    body: Ask,
    request: Request,
    assistant: AssistantDep,
    request_id: RequestId,
    deadline: DeadlineDep,
    fresh: Fresh,
    draining: DrainingDep,
) -> Response:
    """The same answer as server-sent events, while it is being written."""
    asked = body.question_asked()
    return await asking.stream(assistant, asked, deadline, request.receive, draining, request_id, fresh=fresh)


@router.post(
    "/search",
    response_model=SearchOut,
    dependencies=[JSON],
    responses=_problems(*_ASKING),
    tags=["ask"],
)
async def search(
    body: Search,
    request: Request,
    assistant: AssistantDep,
    request_id: RequestId,
    deadline: DeadlineDep,
    draining: DrainingDep,
) -> Response:
    """Retrieval alone: the entries nearest to a question."""
    draining.check()
    work = assistant.find(body.question_asked(), deadline)
    found = await unless_gone(request.receive, work, draining)
    return search_response(found, request_id)


@router.get("/collections", responses=_problems(*_GUARDED, 503), tags=["index"])
async def collections(assistant: AssistantDep) -> CollectionsOut:
    """The collections of the index, and which version of it is serving."""
    return CollectionsOut.of(await assistant.manifest())


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "In Prometheus' text format", "content": {"text/plain": {}}},
        **_problems(*_GUARDED),
    },
    tags=["health"],
)
async def metrics(request: Request) -> Response:
    """Counters and gauges for Prometheus."""
    counted: Metrics = request.app.state.metrics
    return Response(counted.exposition(), media_type=CONTENT_TYPE_LATEST)


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
async def readyz(readiness: Annotated[Readiness, Depends(get_readiness)], draining: DrainingDep) -> Response:
    """Whether questions can be answered: 503 until the index is filled and the model loaded, and whenever
    the index is gone; later troubles are a 200 with `degraded`."""
    report = await readiness.report()
    missing = ["askd is stopping"] if draining.begun else report.missing
    body = ReadinessOut(
        ready=not missing,
        missing=missing,
        degraded=report.degraded,
        model_memory=report.model_memory,
    )
    return JSONResponse(body.model_dump(), 503 if missing else 200)
