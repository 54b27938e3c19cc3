"""What browsers are told about a response. A route that needs another policy sets the header itself."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "Content-Security-Policy"
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
# A page may load what this service serves. The one of /docs has scripts and styles inline.
_PAGE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_to(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def _add_to(headers: MutableHeaders) -> None:
    page = headers.get("Content-Type", "").startswith("text/html")
    for name, value in {_POLICY: _PAGE if page else _NO_PAGE, **_ALWAYS}.items():
        headers.setdefault(name, value)
