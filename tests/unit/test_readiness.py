import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.answering.gauges import register_gauges
from app.answering.readiness import Readiness
from app.embedders.base import EmbedderInfo
from app.errors import ModelUnavailable
from app.indexes.memory import MemoryIndex
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.models.base import ModelStatus
from app.models.pool import Member, ModelPool
from app.models.scripted import ScriptedModel
from app.telemetry.metrics import Metrics
from app.traffic.circuit_breaker import CircuitBreaker
from tests.support.assistant import assistant_of
from tests.support.embedder import HashEmbedder
from tests.support.faq import FAQ

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


class Slow(ScriptedModel):
    """A model whose runtime takes a moment to say how it is."""

    asked = 0

    async def status(self) -> ModelStatus:
        self.asked += 1
        await asyncio.sleep(0.01)
        return await super().status()


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class LatinOnly(HashEmbedder):
    async def info(self) -> EmbedderInfo:
        return replace(await super().info(), latin_only=True)


@pytest.mark.parametrize("embedder", [LatinOnly(), HashEmbedder()])
async def test_entries_in_a_script_that_the_embedder_cannot_read_are_told(
    embedder: HashEmbedder, tmp_path: Path
) -> None:
    faq = tmp_path / "faq.csv"
    faq.write_text("question,answer\nHow do I pay?,By card.\n如何申请退款？,在订单页面。\n", encoding="utf-8")
    index = MemoryIndex()
    found = survey([faq], collection=None, strict=False)
    await publish(index, found, "english", lambda _: None, embedder=embedder)

    report = await Readiness(index, ScriptedModel(loaded=True), embedder).report()

    assert report.ready
    assert [told.partition(" entries")[0] for told in report.degraded] == (
        ["embedder: 1 of 2"] if isinstance(embedder, LatinOnly) else []
    )


async def test_of_several_servers_those_in_trouble_are_told() -> None:
    pool = ModelPool(
        [
            Member("10.0.0.1:11434", ScriptedModel(loaded=True), CircuitBreaker()),
            Member("10.0.0.2:11434", ScriptedModel(failure=ModelUnavailable("gone")), CircuitBreaker()),
        ]
    )
    report = await Readiness(MemoryIndex(FAQ), pool, embedder=None).report()
    assert report.ready
    assert report.degraded == ["model at 10.0.0.2:11434: gone"]

    metrics, assistant = Metrics(), assistant_of(MemoryIndex(FAQ), pool)
    register_gauges(metrics, assistant, {})
    await assistant.watch.look()
    told = metrics.exposition().decode()
    assert 'askd_model_server_up{server="10.0.0.1:11434"} 1.0' in told
    assert 'askd_model_server_up{server="10.0.0.2:11434"} 0.0' in told


async def test_probes_that_come_together_and_within_a_second_share_a_report() -> None:
    llm, clock = Slow(loaded=True), Clock()
    readiness = Readiness(MemoryIndex(FAQ), llm, embedder=None, clock=clock)
    await asyncio.gather(*(readiness.report() for _ in range(20)))
    clock.now += 0.9
    await readiness.report()
    assert llm.asked == 1
    clock.now += 0.1
    await asyncio.gather(*(readiness.report() for _ in range(20)))
    assert llm.asked == 2


async def test_a_probe_that_hangs_up_takes_the_report_from_nobody_else() -> None:
    readiness = Readiness(MemoryIndex(FAQ), Slow(loaded=True), embedder=None)
    probes = [asyncio.create_task(readiness.report()) for _ in range(2)]
    await asyncio.sleep(0)
    probes[0].cancel()
    assert (await probes[1]).ready


class Stuck(HashEmbedder):
    """An embedder whose loading does not end."""

    async def info(self) -> EmbedderInfo:
        await asyncio.Event().wait()
        raise AssertionError("nothing ends the wait")


async def test_an_embedder_that_is_slow_to_load_is_not_told_as_a_dead_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.answering.readiness._TIMEOUT", 0.02)
    index = MemoryIndex(FAQ, await HashEmbedder().info())
    report = await Readiness(index, ScriptedModel(loaded=True), Stuck()).report()
    assert (report.missing, report.degraded) == (
        [],
        ["embedder: it is still loading, or busy with the questions before"],
    )


async def test_a_model_lost_later_only_degrades_but_a_lost_index_does_not() -> None:
    llm, clock = ScriptedModel(), Clock()
    readiness = Readiness(MemoryIndex(FAQ), llm, embedder=None, clock=clock)
    assert (await readiness.report()).missing == ["model: scripted is still loading"]

    clock.now, llm.loaded = clock.now + 1, True
    assert (await readiness.report()).ready

    clock.now, llm.present = clock.now + 1, False
    report = await readiness.report()
    assert report.ready
    assert "scripted is not there" in report.degraded[0]

    clock.now, readiness.index = clock.now + 1, MemoryIndex()
    assert not (await readiness.report()).ready
