"""/admin: what is kept of questions and answers, for owners."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import Response

from app.api.admin_schemas import ForgottenOut, ReportOut
from app.api.dependencies import DeadlineDep, FeedbackDep, ReporterDep, working
from app.api.owners import owners_only
from app.api.questions import CollectionName
from app.api.responses import CHECKED, problems_of
from app.api.routing import LimitedRoute
from app.feedback.export import table
from app.feedback.report import Report


class AdminRoute(LimitedRoute):
    """Nothing that it answers is stored by a browser or a proxy."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            response = await handler(request)
            response.headers["Cache-Control"] = "no-store"
            return response

        return handle


router = APIRouter(
    prefix="/admin",
    route_class=AdminRoute,
    tags=["admin"],
    dependencies=[Depends(owners_only)],
    responses=problems_of(*CHECKED, 403, 422, 429, 503, 504),
)


async def get_report(
    request: Request,
    reporter: ReporterDep,
    deadline: DeadlineDep,
    days: Annotated[int, Query(ge=1, le=3650, description="days before today (UTC)")] = 30,
    least: Annotated[int, Query(ge=1, le=1_000_000, description="least questions of a group")] = 1,
    collection: CollectionName | None = None,
) -> Report:
    async with working(request), deadline.limit("the report"):
        return await reporter.report(days, least, collection)


ReportDep = Annotated[Report, Depends(get_report)]


@router.get("/report")
async def report(report: ReportDep, feedback: FeedbackDep) -> ReportOut:
    """What was declined, suggested or did not help, in groups; how entries are used; the trend by day."""
    return ReportOut.of(report, feedback.retention)


@router.get("/gaps.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def gaps_as_table(report: ReportDep) -> Response:
    """All groups as a table, a row for each question."""
    return _file(await asyncio.to_thread(table, report.groups), "text/csv", "gaps.csv")


@router.get("/questions.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def questions_as_table(report: ReportDep) -> Response:
    """Questions for `askd eval`: what was called helpful, with its entry, and what was declined."""
    return _file(await asyncio.to_thread(report.cases.csv, report.keys), "text/csv", "questions.csv")


@router.get(
    "/questions.jsonl", response_class=Response, responses={200: {"content": {"application/jsonl": {}}}}
)
async def questions_as_lines(report: ReportDep) -> Response:
    """The same as JSON Lines."""
    return _file(
        await asyncio.to_thread(report.cases.json_lines, report.keys), "application/jsonl", "questions.jsonl"
    )


@router.delete("/answers/{request_id}")
async def forget(
    request_id: Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")],
    request: Request,
    feedback: FeedbackDep,
    deadline: DeadlineDep,
) -> ForgottenOut:
    """Delete all that is kept of a request. Nothing of its answers is kept again."""
    async with working(request), deadline.limit("the deletion"):
        return ForgottenOut(request_id=request_id, answers=await feedback.forget(request_id))


def _file(text: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)
