"""`askd serve`: one process, or several workers behind one socket."""

import asyncio
import logging
import os
import signal
import socket
import sys

from app.errors import CannotListen
from app.main import create_app
from app.server.http import Server, config_of
from app.server.shares import share_of
from app.server.workers import Workers
from app.settings import Settings
from app.telemetry.logs import configure
from app.traffic.shutdown import GracefulShutdown
from app.wiring import open_askd

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Returns when the server was stopped by SIGTERM. Raises AskdError."""
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
    if settings.workers > 1:
        Workers(share_of(settings), listener).run()
        return
    server = Server(config_of(app), shutdown)
    server.run(sockets=[listener])
    if not server.started:  # its log says why
        raise SystemExit(1)


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
