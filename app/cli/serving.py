from typing import Annotated

import typer

from app.server.serve import serve as run
from app.settings import read_settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [ASKD_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [ASKD_PORT]")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the port.  [ASKD_WORKERS]")
    ] = None,
) -> None:
    """Run the HTTP service in the foreground; SIGTERM or Ctrl-C stops it."""
    run(read_settings(host=host, port=port, workers=workers))
