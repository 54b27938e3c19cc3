from typing import Annotated

import typer
import uvicorn

from app.logs import configure
from app.main import create_app
from app.settings import read_settings

_GRACE = 10  # seconds running answers get after SIGTERM


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [ASKD_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [ASKD_PORT]")] = None,
) -> None:
    """Run the HTTP service in the foreground; SIGTERM or Ctrl-C stops it."""
    settings = read_settings(host=host, port=port)
    configure(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # app.api.middleware writes it, without the question
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
