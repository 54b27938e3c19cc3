"""askd as its users meet it: the real wiring, on a real socket, with entries that were really ingested."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from app.answering.service import Assistant
from app.domain import FaqEntry
from app.indexes.manifest import Spread
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.main import create_app
from app.models.base import Chunk, LanguageModel, Prompt
from app.server.http import config_of
from app.settings import Settings
from app.wiring import open_askd, scratch_index

SAMPLE = Path("app/sample/faq.json")
Chosen = dict[str, Any]  # values for Settings
Event = tuple[str, dict[str, Any]]


def settings_of(*chosen: Chosen) -> Settings:
    """What is chosen, later choices winning; search is by words alone unless an embedder is
    chosen, and no answer is kept.

    Nothing comes from a .env file.
    """
    values: Chosen = {"embedder": "none", "cache_entries": 0}
    for each in chosen:
        values |= each
    return Settings(_env_file=None, **values)


async def ingest(settings: Settings, *files: Path) -> None:
    async with open_askd(settings) as askd:
        found = survey(files, collection=None, strict=True)
        await publish(
            askd.store,
            found,
            settings.language,
            lambda _: None,
            embedder=askd.embedder,
            scratch=partial(scratch_index, settings),
            spread=Spread(settings.index_shards, settings.index_replicas),
        )


@dataclass(frozen=True)
class Service:
    client: httpx.AsyncClient
    assistant: Assistant  # inside the running service

    async def ask(self, question: str, **more: object) -> dict[str, Any]:
        response = await self.client.post("/ask", json={"question": question, **more})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def stream(self, question: str, **more: object) -> list[Event]:
        response = await self.client.post("/ask/stream", json={"question": question, **more})
        assert response.status_code == 200, response.text
        return events(response.text)

    @asynccontextmanager
    async def calling(self, path: str, **body: object) -> AsyncIterator[asyncio.StreamWriter]:
        """A caller who has sent a question, and hangs up by closing."""
        url = urlsplit(str(self.client.base_url))
        _, caller = await asyncio.open_connection(url.hostname, url.port)
        try:
            content = json.dumps(body).encode()
            head = f"POST {path} HTTP/1.1\r\nhost: askd\r\ncontent-type: application/json\r\n"
            caller.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
            yield caller
        finally:
            caller.close()

    async def ready(self) -> None:
        """Returns once /readyz says 200, and the model has been warmed up."""
        async with asyncio.timeout(150):
            while (await self.client.get("/readyz")).status_code != 200 or not self.assistant.watch.model:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    server = uvicorn.Server(config_of(create_app(settings)))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "the service did not start"
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}", timeout=150, trust_env=False
        ) as client:
            yield Service(client, server.lifespan.state["assistant"])
    finally:
        server.should_exit = True
        await task


def events(stream: str) -> list[Event]:
    """Name and data of each server-sent event; comments, which keep a slow stream open, are none."""
    found = []
    for block in stream.strip().split("\n\n"):
        if block.startswith(":"):
            continue
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def text_of(stream: Sequence[Event]) -> str:
    """What a reader of the stream sees in the end."""
    text = ""
    for name, data in stream:
        if name == "replace":
            text = ""
        if name in ("token", "replace"):
            text += data["text"]
    return text


def prompts_to(llm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> list[Prompt]:
    """What the model is asked from now on."""
    asked: list[Prompt] = []
    generate = llm.generate

    def noting(prompt: Prompt) -> AsyncGenerator[Chunk]:
        asked.append(prompt)
        return generate(prompt)

    monkeypatch.setattr(llm, "generate", noting)
    return asked


def long_entries(tower: str, *, days: int, pages: int) -> list[FaqEntry]:
    """A collection, each sentence of it with a number of its own; a page takes about 18 tokens."""
    return [
        FaqEntry(
            id=str(day),
            collection=f"tower-{tower}",
            question=f"What does the keeper of tower {tower} write on day {day}?",
            answer=" ".join(
                f"On page {tower}{day}{page} the keeper of the tower writes about wind and waves."
                for page in range(pages)
            ),
        )
        for day in range(1, days + 1)
    ]


async def ingest_entries(settings: Settings, entries: Sequence[FaqEntry]) -> None:
    file = settings.data_dir / "faq.json"
    file.write_text(json.dumps([asdict(entry) for entry in entries]))
    await ingest(settings, file)
