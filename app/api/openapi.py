"""The OpenAPI document, where FastAPI's own says less or other than what is so."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from app.api import examples
from app.api.problems import PROBLEM

_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def install(app: FastAPI) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
    )
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                _as_problem(response)
    document["components"]["securitySchemes"] = _KEYS
    document["security"] = [{}, *({name: []} for name in _KEYS)]  # keys are asked for where a setting says so
    for route in iter_route_contexts(app.routes):
        if route.name in examples.BY_ENDPOINT:
            _add_examples(document["paths"][route.path]["post"], *examples.BY_ENDPOINT[route.name])
    return document


def _add_examples(operation: dict[str, Any], requests: dict[str, Any], replies: dict[str, Any]) -> None:
    operation["requestBody"]["content"]["application/json"]["examples"] = requests
    if replies:
        operation["responses"]["200"]["content"]["application/json"]["examples"] = replies


def _as_problem(response: dict[str, Any]) -> None:
    """Failures are problem documents, which have a media type of their own."""
    content = response.get("content", {})
    for media_type, body in list(content.items()):
        if body.get("schema", {}).get("$ref", "").endswith("/Problem"):
            content[PROBLEM] = content.pop(media_type)
