"""A question answered through a T5 whose words mean nothing: the path is the real one."""

import json
from pathlib import Path

import pytest

from tests.live.serving import Chosen, ingest, serving, settings_of, text_of
from tests.support.tiny_t5 import make_tiny_t5

pytestmark = pytest.mark.anyio

# Its vocabulary is some words and letters: a long entry would not fit its window.
ENTRIES = [
    {
        "id": "when",
        "collection": "c",
        "question": "When do I get the certificate?",
        "answer": "In the course.",
    },
    {
        "id": "start",
        "collection": "c",
        "question": "What is the start date?",
        "answer": "A date in the course.",
    },
]


async def test_a_t5_writes_from_the_best_entry_alone(tmp_path: Path) -> None:
    chosen: Chosen = {"data_dir": tmp_path, "model": f"t5:{make_tiny_t5(tmp_path / 'tiny')}", "num_thread": 1}
    (tmp_path / "faq.json").write_text(json.dumps(ENTRIES))
    await ingest(settings_of(chosen), tmp_path / "faq.json")
    async with serving(settings_of(chosen, {"answer_tokens": 16})) as service:
        await service.ready()
        body = await service.ask("When do I get the certificate?", mode="generate")
        stream = await service.stream("When do I get the certificate?", mode="generate")
    assert (body["status"], body["origin"], body["model"]) == ("answered", "generated", "tiny")
    assert 0 < body["usage"]["completion_tokens"] <= 16
    assert [source["in_prompt"] for source in body["sources"]] == [True, False]
    assert text_of(stream) == stream[-1][1]["answer"] == body["answer"]
