"""Running services whose model is made up, and says what a test wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.calls import UNSURE
from tests.faults.models import SAID, made_up, reply, says
from tests.live.serving import Chosen, Service, serving, settings_of
from tests.live.tcp_proxy import until
from tests.support.ollama_server import OllamaServer, Then


@asynccontextmanager
async def service_over(index: Chosen, *chosen: Chosen) -> AsyncIterator[tuple[Service, OllamaServer]]:
    async with made_up() as (ollama, model), serving(settings_of(index, model, *chosen)) as service:
        await service.ready()
        yield service, ollama


@asynccontextmanager
async def slot_taken(service: Service, ollama: OllamaServer, path: str = "/ask") -> AsyncIterator[None]:
    """By a caller whose answer does not end, and which Ollama has begun."""
    says(ollama, reply(SAID, then=Then.HANG))
    admission = service.assistant.pipeline.admission

    def asked() -> int:
        return [path for path, _ in ollama.requests].count("/api/chat")

    before = asked()
    async with service.calling(path, question=UNSURE, mode="generate", limit=1):
        await until(lambda: admission.serving == 1 and asked() > before)
        yield
    await until(lambda: admission.serving == 0)
