import asyncio
from contextlib import nullcontext

from app.api.context import Caller, RequestContext
from app.api.mcp.door import Door
from app.api.mcp.endpoint import MISSING
from app.errors import BadSettings
from app.settings import Settings, read_settings
from app.traffic.deadline import Deadline
from app.wiring import open_askd


def mcp() -> None:
    """Serve the FAQ to an assistant on this machine, by the Model Context Protocol over stdin and stdout."""
    asyncio.run(_serve(read_settings()))


async def _serve(settings: Settings) -> None:
    try:
        from mcp.server.stdio import stdio_server

        from app.api.mcp.server import server_of
    except ImportError as error:
        raise BadSettings(MISSING) from error
    async with open_askd(settings) as askd:

        async def unlimited() -> None:
            """The only caller started this process."""

        def door_of(_: object) -> Door:
            now = asyncio.get_running_loop().time()
            return Door(
                assistant=askd.assistant,
                store=askd.store,
                context=RequestContext("mcp", "", now, Caller(None, "")),
                deadline=Deadline.after(settings.request_timeout, now),
                admit=unlimited,
                answered=lambda answer, question: None,
                working=nullcontext,
            )

        server = server_of(door_of)
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())
