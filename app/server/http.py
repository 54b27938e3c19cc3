"""The HTTP server: uvicorn, with what askd needs of it."""

import gc
import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from app.api.middleware import AfterBadBody
from app.api.routing import MAX_HEAD
from app.traffic.shutdown import GracefulShutdown

_GRACE = 10  # seconds after SIGTERM until every answer has ended
_LAST_EVENTS = 1  # of these, to send an error to callers whose answers have not
_COLLECT_AFTER = 10_000  # objects: an answer makes thousands, hardly any of them in a cycle


def config_of(app: ASGIApp, port: int = 0) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_no_upgrade_warning)
    return uvicorn.Config(
        AfterBadBody(app),
        port=port,
        # httptools drops the body of a request that offers an upgrade to HTTP/2, as the JDK's client does
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD,
        ws="none",
        lifespan="on",
        log_config=None,
        proxy_headers=False,  # app.main does it, where a setting says so
        access_log=False,  # app.api.middleware writes it, without the question
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


class Server(uvicorn.Server):
    """Waits for running answers, and ends late ones with an error: uvicorn would only hang up."""

    def __init__(
        self,
        config: uvicorn.Config,
        shutdown: GracefulShutdown,
        on_started: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._graceful = shutdown
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Objects created at startup stay alive: exclude them from garbage collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._graceful.begin(_GRACE - _LAST_EVENTS)
        # It keeps listening meanwhile: /readyz and new requests get a 503.
        await self._graceful.idle()
        await super().shutdown(sockets)


def _is_no_upgrade_warning(record: logging.LogRecord) -> bool:
    """Clients may offer an upgrade with every request; ignoring it is allowed (RFC 9110, 7.8)."""
    return not record.getMessage().startswith(("Unsupported upgrade", "No supported WebSocket library"))
