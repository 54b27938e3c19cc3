"""The kinds of routes: who may call them, how their bodies are read, the form of their errors."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute

from app.api import problems
from app.api.bodies import check_head, read_body
from app.api.dependencies import service_of
from app.errors import AskdError


class ApiRoute(APIRoute):
    """A route of the API. Callers are checked before their body is read.

    A router that answers errors in another form has a subclass with its own `error_response`.
    """

    checked: ClassVar[bool] = True  # host name and API key
    limited: ClassVar[bool] = False  # counts against the rate limit

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                check_head(request)
                if self.checked:
                    await service_of(request).access.admit(request, limited=self.limited)
                return await handler(await read_body(request) if self.body_field else request)
            except (AskdError, HTTPException, RequestValidationError) as error:
                return self.error_response(error, request)

        return handle

    def error_response(self, error: Exception, request: Request) -> Response:
        return problems.response_of(error, request)


class QuestionRoute(ApiRoute):
    """Takes a question: costs enough to be rate-limited."""

    limited = True


class ProbeRoute(ApiRoute):
    """For monitors, which call by address and have no key."""

    checked = False
