"""The OpenAPI document, where FastAPI's own says less or other than what is so."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api import examples
from app.api.errors import PROBLEM

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
    for path, (requests, replies) in examples.OF_POST.items():
        operation = document["paths"][path]["post"]
        operation["requestBody"]["content"]["application/json"]["examples"] = requests
        if replies:
            operation["responses"]["200"]["content"]["application/json"]["examples"] = replies
    return document


def _as_problem(response: dict[str, Any]) -> None:
    """Failures are problem documents, which have a media type of their own."""
    content = response.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith("/Problem"):
        content[PROBLEM] = content.pop("application/json")
