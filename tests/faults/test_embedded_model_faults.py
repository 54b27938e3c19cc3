"""The model in process, whose file is gone or damaged; and one that Ollama was never given."""

from pathlib import Path

import pytest

from tests.faults.calls import Seen, model_fails, seen_by
from tests.faults.page import Page
from tests.live.serving import Chosen, serving, settings_of

pytestmark = pytest.mark.anyio

GROUP = "Model"


async def check(page: Page, what: str, expected: Seen, *chosen: Chosen) -> None:
    async with serving(settings_of(*chosen)) as service:
        seen = await seen_by(service.client)
        assert (await service.client.get("/readyz")).status_code == 503
    page.note(GROUP, what, seen)
    assert seen == expected


async def test_a_model_that_was_not_fetched(embedded_index: Chosen, page: Page) -> None:
    expected = model_fails(503, "model-missing")
    await check(page, "the embedded model's file is not there", expected, embedded_index)


@pytest.fixture
def damaged(gguf: Path, tmp_path: Path) -> Path:
    damaged = tmp_path / "damaged.gguf"
    with gguf.open("rb") as whole:
        damaged.write_bytes(whole.read(1_000_000))
    return damaged


async def test_a_model_whose_file_is_damaged(embedded_index: Chosen, damaged: Path, page: Page) -> None:
    expected = model_fails(503, "model-unavailable")
    await check(
        page, "the embedded model's file is damaged", expected, embedded_index, {"model": str(damaged)}
    )


async def test_a_model_whose_file_is_none(embedded_index: Chosen, tmp_path: Path, page: Page) -> None:
    nonsense = tmp_path / "nonsense.gguf"
    nonsense.write_bytes(b"nonsense")
    expected = model_fails(503, "model-missing")
    await check(page, "the file is not a model", expected, embedded_index, {"model": str(nonsense)})


@pytest.mark.live
async def test_a_model_that_ollama_was_never_given(
    embedded_index: Chosen, ollama_model: Chosen, page: Page
) -> None:
    expected = model_fails(503, "model-missing")
    await check(
        page, "Ollama does not have the model", expected, embedded_index, ollama_model, {"model": "nope"}
    )
