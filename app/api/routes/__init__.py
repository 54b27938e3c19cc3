"""The routers, in the order of the OpenAPI page."""

from fastapi import APIRouter

from app.api.routes import admin, ask, feedback, health, openai, search
from app.api.routing import ApiRoute

ROUTERS: tuple[APIRouter, ...] = (
    ask.router,
    ask.stream_router,
    search.router,
    search.collections_router,
    feedback.router,
    admin.router,
    openai.router,
    openai.chat_router,
    health.metrics_router,
    health.router,
)
QUESTION_PATHS = frozenset(
    route.path
    for router in ROUTERS
    if router not in (feedback.router, admin.router)
    for route in router.routes
    if isinstance(route, ApiRoute) and route.limited
)
