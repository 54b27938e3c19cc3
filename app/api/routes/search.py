"""Retrieval alone, and what there is to search."""

from fastapi import APIRouter, Request, Response

from app.api import server_timing
from app.api.dependencies import AssistantDep, ContextDep, DeadlineDep, working
from app.api.questions import Search
from app.api.responses import CHECKED, QUESTION, problems_of
from app.api.routing import ApiRoute, QuestionRoute
from app.api.schemas import CollectionsOut, SearchOut

router = APIRouter(route_class=QuestionRoute, tags=["ask"], responses=problems_of(*QUESTION))
collections_router = APIRouter(route_class=ApiRoute, tags=["index"])


@router.post("/search")
async def search(
    body: Search,
    request: Request,
    response: Response,
    assistant: AssistantDep,
    context: ContextDep,
    deadline: DeadlineDep,
) -> SearchOut:
    """Retrieval alone: the entries nearest to a question."""
    async with working(request):
        found = await assistant.find(body.question_asked(), deadline)
    response.headers["Server-Timing"] = server_timing.of_search(found)
    return SearchOut.of(found, context.id)


@collections_router.get("/collections", responses=problems_of(*CHECKED, 503))
async def collections(assistant: AssistantDep) -> CollectionsOut:
    """The collections of the index, and which version of it is serving."""
    return CollectionsOut.of(await assistant.manifest())
