"""An Ollama made up, whose model says what a test wants."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.live.serving import Chosen
from tests.support.ollama_server import OllamaServer, Reply, Then, done, lines, ollama_server, said

# The entry that the calls are about says it; two of its characters take three bytes.
TEXT = "If you started the whole stack with Docker compose, run “scripts/down” instead."
SAID, DONE = lines(said(TEXT)), lines(done())
_SHOWN = {
    "template": "{{ .System }} {{ .Prompt }}",
    "modelfile": "FROM x",
    "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
}
_LISTED = {"models": [{"model": "tiny:latest", "digest": "abc", "size": 1, "size_vram": 0}]}


def reply(*pieces: bytes, status: int = 200, then: Then = Then.END) -> Reply:
    return Reply(pieces, status, then, pause=0.05 if len(pieces) > 1 else 0.0)


WELL = reply(SAID + DONE)


@asynccontextmanager
async def made_up() -> AsyncIterator[tuple[OllamaServer, Chosen]]:
    """It answers well until told otherwise; with the settings that lead to it."""
    shown, listed = ([json.dumps(each).encode()] for each in (_SHOWN, _LISTED))
    async with ollama_server(show=Reply(shown), tags=Reply(listed), ps=Reply(listed), chat=WELL) as ollama:
        yield ollama, {"ollama_url": ollama.url, "model": "tiny"}


def says(ollama: OllamaServer, answer: Reply) -> None:
    """To whoever asks from now on."""
    ollama.replies["/api/chat"] = answer
