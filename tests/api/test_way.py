"""The way of one generated answer through the code, over the real adapters: it has to stay short to read."""

import asyncio
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import Settings
from tests.support.path_probe import probed
from tests.support.served import served
from tools.bench.serving.stubs import MODEL, Pace, open_stubs

pytestmark = pytest.mark.anyio
# Rooms with one door each (`Verifier`, `OutputReader`, `Feedback`): behind it a reader need not look.
ROOMS = ("answering/checks", "answering/model_output", "feedback")
MOST_MODULES = 52  # a room counts as one
MOST_GENERATORS = 6  # backend, reader of its output, writer, pipeline, single flight, route


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_question_enters_few_modules_and_a_token_few_generators(path: str, tmp_path: Path) -> None:
    async with open_stubs() as stubs:
        stubs.begin(Pace(first_token=0.02, interval=0.01, tokens=8))
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path,
            elasticsearch_url=stubs.elasticsearch_url,
            ollama_url=stubs.ollama_url,
            model=MODEL,
            embedder="none",
            cache_entries=10,
        )
        async with served(create_app(settings)) as client:
            await client.post(path, json={"question": f"{stubs.question} And before?"})  # what is opened once
            await asyncio.sleep(0.1)
            with probed() as way:
                response = await client.post(path, json={"question": stubs.question})
    assert '"origin":"generated"' in response.text, response.text
    print(f"{path}: {len(way.counted)} modules: {', '.join(way.counted)}")  # noqa: T201
    print(f"{path}: {len(way.nested)} async generators: {', '.join(way.nested)}")  # noqa: T201
    passed = {next((room for room in ROOMS if name.startswith(room)), name) for name in way.counted}
    assert len(passed) <= MOST_MODULES, sorted(passed)
    assert len(way.nested) <= MOST_GENERATORS, way.nested
