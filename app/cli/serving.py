import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from typing import Annotated

import typer
import uvicorn

from app.api.connections import Connection
from app.errors import CannotListen
from app.main import create_app
from app.settings import Settings, read_settings
from app.telemetry.logs import configure
from app.traffic.draining import Draining
from app.wiring import open_askd

log = logging.getLogger(__name__)

_GRACE = 10  # seconds after SIGTERM until all answers have ended
_COLLECTED_AFTER = 10_000  # objects: an answer makes thousands, and hardly any of them in a cycle
_LAST_WORDS = 1  # of these, for telling those that did not make it


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [ASKD_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [ASKD_PORT]")] = None,
) -> None:
    """Run the HTTP service in the foreground; SIGTERM or Ctrl-C stops it."""
    # uvicorn sends itself the signal anew when all is closed; stopping is what was asked for, and no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    settings = read_settings(host=host, port=port)
    # What is wrong from the start is said here in one line; uvicorn would log it with a traceback.
    asyncio.run(_try_to_open(settings))
    draining = Draining()
    service = create_app(settings, draining)
    listener = _listen(settings.host, settings.port)
    configure(settings.log_level)
    # uvicorn tells only of sockets that it opened itself
    log.info("listening", extra={"host": settings.host, "port": listener.getsockname()[1]})
    config = uvicorn.Config(
        service,
        http=Connection,
        ws="none",
        log_config=None,
        proxy_headers=False,
        access_log=False,  # app.api.middleware writes it, without the question
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config, draining)
    server.run(sockets=[listener])
    if not server.started:  # its log says why
        raise SystemExit(1)


class _Server(uvicorn.Server):
    """Breaks off what runs while there is still time to tell the callers: uvicorn would only hang up."""

    def __init__(self, config: uvicorn.Config, draining: Draining) -> None:
        super().__init__(config)
        self._draining = draining

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECTED_AFTER)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.begin(_GRACE - _LAST_WORDS)
        # It goes on listening meanwhile: /readyz says that it stops, and who comes is told so.
        await self._draining.ended()
        await super().shutdown(sockets)


async def _try_to_open(settings: Settings) -> None:
    async with open_askd(settings):
        pass


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise CannotListen(
            f"cannot listen on {host}:{port} ({reason}): choose another with --host or --port"
        ) from error
