"""`/widget.js`, which puts the page's chat into other origins' pages, and what it is told when it opens.

Anyone may read both: whether a page of an origin may ask is a matter of CORS.
"""

import json
from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.api.access import origins_of
from app.api.dependencies import service_of
from app.api.page.document import RIGHT_TO_LEFT, WEB, Document, read_texts
from app.api.page.theme import style_of
from app.settings import Settings

ANYWHERE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def widget_routes(settings: Settings, document: Document) -> Sequence[BaseRoute]:
    origins, texts = origins_of(settings), read_texts()
    script = _script(settings, document).encode()

    async def launcher(request: Request) -> Response:
        service_of(request).access.check_host(request)
        headers = {**ANYWHERE, "Cache-Control": "public, max-age=3600"}
        return Response(script, media_type="text/javascript", headers=headers)

    async def opening(request: Request) -> Response:
        """What the widget needs when it is first opened."""
        service_of(request).access.check_host(request)
        origin = request.headers.get("origin")  # browsers send none with a GET of the same origin
        language = document.language(
            request.headers.get("accept-language", ""), request.query_params.get("lang", "")
        )
        told = {
            "static": f"page/{document.version}/",
            "language": language,
            "dir": "rtl" if language in RIGHT_TO_LEFT else "ltr",
            "allowed": origin is None or origin in origins or "*" in origins,
            "texts": texts[language],
            "keepDays": settings.keep_questions,
        }
        headers = {**ANYWHERE, "Cache-Control": "no-cache", "Vary": "Accept-Language, Origin"}
        return JSONResponse(told, headers=headers)

    return (
        Route("/widget.js", launcher, include_in_schema=False),
        Route("/widget.json", opening, include_in_schema=False),
    )


def _script(settings: Settings, document: Document) -> str:
    """The launcher, with its texts in all languages and the accent colour."""
    given = {
        "name": settings.page_name,
        "style": style_of(settings.page_color, ":host"),
        "language": document.default,
        "rightToLeft": sorted(RIGHT_TO_LEFT),
        "texts": {code: texts["widget"] for code, texts in read_texts().items()},
    }
    template = (WEB / "widget.js").read_text("utf-8")
    return template.replace("{/* given */}", json.dumps(given, ensure_ascii=False))
