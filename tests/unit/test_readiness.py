import pytest

from app.answering.readiness import Readiness
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from tests.faq import FAQ

pytestmark = pytest.mark.anyio


def readiness(gpu_bytes: int | None, *, gpu: bool) -> Readiness:
    llm = ScriptedModel(loaded=True, gpu_bytes=gpu_bytes)
    return Readiness(MemoryIndex(FAQ), llm, embedder=None, gpu=gpu)


@pytest.mark.parametrize(
    ("gpu_bytes", "memory"), [(None, None), (0, "cpu"), (40, "gpu and cpu"), (100, "gpu"), (120, "gpu")]
)
async def test_the_report_says_in_which_memory_the_model_is(
    gpu_bytes: int | None, memory: str | None
) -> None:
    report = await readiness(gpu_bytes, gpu=False).report()
    assert (report.ready, report.model_memory, report.degraded) == (True, memory, [])


@pytest.mark.parametrize(("gpu_bytes", "memory"), [(0, "cpu"), (40, "gpu and cpu")])
async def test_a_gpu_that_was_asked_for_and_is_not_used_is_told(gpu_bytes: int, memory: str) -> None:
    report = await readiness(gpu_bytes, gpu=True).report()
    assert report.ready
    [trouble] = report.degraded
    assert "ASKD_GPU" in trouble
    assert f"{memory} memory" in trouble


async def test_a_gpu_that_is_used_is_no_trouble() -> None:
    assert (await readiness(100, gpu=True).report()).degraded == []
