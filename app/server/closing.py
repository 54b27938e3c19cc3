"""A request whose body is malformed: uvicorn answers it with a 400 of its own, and closes the connection."""

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AfterBadBody:
    """What the application sends then is dropped, as it is for a caller who has hung up. h11 would raise, and
    anyone could fill the log with tracebacks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        closing = False

        async def sending(message: Message) -> None:
            nonlocal closing
            if closing:
                return
            try:
                await send(message)
            except h11.LocalProtocolError:
                closing = True
                while (await receive())["type"] != "http.disconnect":
                    pass

        await self._app(scope, receive, sending if scope["type"] == "http" else send)
