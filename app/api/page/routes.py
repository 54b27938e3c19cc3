"""`/`, `/admin`, the widget, and the files they load. What they show they ask for as any caller does."""

import os
from collections.abc import Sequence

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.dependencies import service_of
from app.api.owners import check_local
from app.api.page.document import STATIC, Document, Logo
from app.api.page.widget import ANYWHERE, widget_routes
from app.settings import Settings

_HOUR = "public, max-age=3600"
_FOR_EVER = "public, max-age=31536000, immutable"


class Files(StaticFiles):
    """Of one version, which is in their path."""

    def file_response(
        self,
        full_path: "os.PathLike[str] | str",
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update({**ANYWHERE, "Cache-Control": _FOR_EVER})
        return response


def page_routes(settings: Settings) -> Sequence[BaseRoute]:
    """Raises BadSettings."""
    document, logo = Document.of(settings), Logo.of(settings)
    common = {
        "Content-Security-Policy": document.policy,
        "Cross-Origin-Opener-Policy": "same-origin",
    }

    async def page(request: Request) -> Response:
        service_of(request).access.check_host(request)
        language = document.language(
            request.headers.get("accept-language", ""), request.query_params.get("lang", "")
        )
        headers = {
            **common,
            "Content-Language": language,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Language",
        }
        return Response(document.html[language], media_type="text/html", headers=headers)

    async def admin(request: Request) -> Response:
        """Where keys are set anyone may read it: it holds nothing, and asks for one."""
        access = service_of(request).access
        access.check_host(request)
        if access.keys is None:
            check_local(request)
        if request.scope.get("raw_path", b"").endswith(b"/"):  # its URLs are relative to /admin
            return RedirectResponse("../admin")
        return Response(
            document.admin, media_type="text/html", headers={**common, "Cache-Control": "no-store"}
        )

    async def picture(request: Request) -> Response:
        if logo is None:
            raise HTTPException(404)
        return Response(logo.content, media_type=logo.media_type, headers={"Cache-Control": _HOUR})

    pages = [
        Route("/", page, include_in_schema=False),
        Route("/admin", admin, include_in_schema=False),
    ]
    return (
        *(pages if settings.page else ()),
        Route("/page/logo", picture, include_in_schema=False),
        Mount(f"/page/{document.version}", Files(directory=STATIC)),
        *widget_routes(settings, document),
    )
