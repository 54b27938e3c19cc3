"""A stand-in for Elasticsearch that answers as told: for failures that a real one cannot be made to have."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from app.domain import FaqEntry
from app.indexes.elasticsearch.mapping import STATISTICS_ID, mappings, statistics_document
from app.indexes.memory import manifest_of
from app.ranking.candidates import WordStatistics

ENTRY = FaqEntry("1", "course", "Where is the lantern?", "Here.")
MAPPING = {"askd": {"mappings": mappings("askd", manifest_of([ENTRY]))}}
STATISTICS = {"_source": statistics_document(WordStatistics())}
# What a search asks for before it searches.
INDEX = {"_mapping": json.dumps(MAPPING), STATISTICS_ID: json.dumps(STATISTICS)}
NOTHING = '{"responses": [{"hits": {"hits": []}}]}'


@dataclass
class ScriptedServer:
    status: int = 200
    body: str = "{}"
    bodies: dict[str, str] = field(default_factory=dict)  # others, by the end of the path
    headers: dict[str, str] = field(default_factory=lambda: {"X-Elastic-Product": "Elasticsearch"})
    content_type: str = "application/json"
    delay: float = 0.0
    drops: bool = False  # it closes the connection in place of an answer
    seen: list[tuple[str, str]] = field(default_factory=list)  # method and end of the path of each request
    sent: list[bytes] = field(default_factory=list)  # their bodies
    keys: set[str | None] = field(default_factory=set)  # Authorization

    @property
    def requests(self) -> int:
        return len(self.seen)

    async def answer(self, request: web.Request) -> web.Response:
        end = request.path.rpartition("/")[2]
        self.seen.append((request.method, end))
        self.sent.append(await request.read())
        self.keys.add(request.headers.get("Authorization"))
        await asyncio.sleep(self.delay)
        if self.drops and request.transport:
            request.transport.abort()
        body = self.bodies.get(end, self.body)
        return web.Response(
            status=self.status, text=body, headers=self.headers, content_type=self.content_type
        )


@asynccontextmanager
async def served(server: ScriptedServer) -> AsyncIterator[str]:
    """Its host and port."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()
