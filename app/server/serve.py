"""The HTTP server: uvicorn, with what askd needs of it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from app.api.middleware import AfterBadBody
from app.api.routing import MAX_HEAD
from app.errors import CannotListen
from app.main import create_app
from app.settings import Settings
from app.telemetry.logs import configure
from app.traffic.shutdown import GracefulShutdown
from app.wiring import open_askd

log = logging.getLogger(__name__)

_GRACE = 10  # seconds after SIGTERM until every answer has ended
_LAST_EVENTS = 1  # of these, to send an error to callers whose answers have not
_COLLECT_AFTER = 10_000  # objects: an answer makes thousands, hardly any of them in a cycle


def serve(settings: Settings) -> None:
    """Returns when the server was stopped by a signal. Raises AskdError."""
    # uvicorn raises the signal again once all is closed: stopping is what was asked for, and no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # Errors at startup are one line on the terminal; uvicorn would log them with a traceback.
    asyncio.run(_try_to_open(settings))
    shutdown = GracefulShutdown()
    app = create_app(settings, shutdown)
    listener = _listen(settings.host, settings.port)
    configure(settings.log_level)
    # uvicorn logs only the addresses of sockets that it opened itself
    log.info("listening", extra={"host": settings.host, "port": listener.getsockname()[1]})
    server = Server(config_of(app), shutdown)
    server.run(sockets=[listener])
    if not server.started:  # its log says why
        raise SystemExit(1)


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

    def __init__(self, config: uvicorn.Config, shutdown: GracefulShutdown) -> None:
        super().__init__(config)
        self._graceful = shutdown

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Objects created at startup stay alive: exclude them from garbage collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._graceful.begin(_GRACE - _LAST_EVENTS)
        # It keeps listening meanwhile: /readyz and new requests get a 503.
        await self._graceful.idle()
        await super().shutdown(sockets)


def _is_no_upgrade_warning(record: logging.LogRecord) -> bool:
    """Clients may offer an upgrade with every request; ignoring it is allowed (RFC 9110, 7.8)."""
    return not record.getMessage().startswith(("Unsupported upgrade", "No supported WebSocket library"))


async def _try_to_open(settings: Settings) -> None:
    async with open_askd(settings):
        pass


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        shown = f"[{host}]" if ":" in host else host
        raise CannotListen(
            f"cannot listen on {shown}:{port} ({reason}): choose another with --host or --port"
        ) from error
