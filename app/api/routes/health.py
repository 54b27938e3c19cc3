"""For monitors: whether the process runs, whether it can answer, and its metrics."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.api.dependencies import ReadinessDep, ServiceDep
from app.api.health_schemas import Live, ReadinessOut
from app.api.responses import CHECKED, problems_of
from app.api.routing import ApiRoute, ProbeRoute

router = APIRouter(route_class=ProbeRoute, tags=["health"])
metrics_router = APIRouter(route_class=ApiRoute, tags=["health"])


@router.get("/livez")
async def livez() -> Live:
    """The process runs."""
    return Live()


@router.get(
    "/readyz", responses={503: {"model": ReadinessOut, "description": "Not ready; `missing` says why"}}
)
async def readyz(readiness: ReadinessDep, service: ServiceDep, response: Response) -> ReadinessOut:
    """Whether questions can be answered: 503 until the index is filled and the model loaded, and whenever
    the index is gone; later troubles are a 200 with `degraded`."""
    report = await readiness.report()
    missing = ["askd is stopping"] if service.shutdown.begun else report.missing
    response.status_code = 503 if missing else 200
    return ReadinessOut(
        ready=not missing,
        missing=missing,
        degraded=report.degraded,
        model_memory=report.model_memory,
        writing=report.writing,
        remote_model=report.remote_model,
    )


@metrics_router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "In Prometheus' text format", "content": {"text/plain": {}}},
        **problems_of(*CHECKED),
    },
)
async def metrics(service: ServiceDep) -> Response:
    """Counters and gauges for Prometheus."""
    return Response(service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
