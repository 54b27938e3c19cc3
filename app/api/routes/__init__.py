"""The routers, in the order of the OpenAPI page."""

from fastapi import APIRouter

from app.api.routes import ask, health, search
from app.api.routing import QuestionRoute

ROUTERS: tuple[APIRouter, ...] = (
    ask.router,
    search.router,
    search.collections_router,
    health.metrics_router,
    health.router,
)
QUESTION_PATHS = frozenset(
    route.path for router in ROUTERS for route in router.routes if isinstance(route, QuestionRoute)
)
