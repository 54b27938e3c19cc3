"""The course FAQ through the real service, on both indexes; the data is not ours to ship.

ASKD_DEV_DATA names the folder with `documents.json` and `queries.csv`. Run by `scripts/soak`.
"""

import csv
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.indexes.manifest import IndexVersion
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.settings import Settings
from app.wiring import open_askd
from tests.live.serving import serving, settings_of

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.timeout(900), pytest.mark.long]
HIT_AT_5, MRR_AT_5, APART = 0.94, 0.88, 0.01

Figures = tuple[float, float]


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("ASKD_DEV_DATA")
    if not folder:
        pytest.fail("ASKD_DEV_DATA must name the folder with documents.json and queries.csv", pytrace=False)
    return Path(folder)


@pytest.fixture
async def engines(tmp_path: Path, elasticsearch_url: str) -> AsyncIterator[dict[str, Settings]]:
    """Settings for each engine, over an index of its own."""
    alias = f"askd-soak-{uuid4().hex[:8]}"
    embedded = settings_of({"data_dir": tmp_path})
    elastic = settings_of({"data_dir": tmp_path, "elasticsearch_url": elasticsearch_url, "index": alias})
    yield {"embedded": embedded, "elasticsearch": elastic}
    from app.indexes.elasticsearch.client import open_client

    async with open_client(elasticsearch_url, None, 30.0) as client:
        for name in await client.indices.get(index=f"{alias}-*"):
            await client.indices.delete(index=name)


async def _ingest(settings: Settings, file: Path) -> tuple[list[str], IndexVersion]:
    async with open_askd(settings) as askd:
        found = survey([file], collection=None, strict=False)
        assert found.read == 948
        await publish(askd.store, found, settings.language, lambda _: None)
        (version,) = [version for version in await askd.store.versions() if version.current]
    return list(found.warnings), version


async def _measured(settings: Settings, queries: list[dict[str, str]]) -> Figures:
    hits = ranks = total = 0.0
    async with serving(settings) as service:
        for row in queries:
            body = {"question": row["question"], "collection": row["course"], "limit": 5}
            answer = await service.client.post("/search", json=body)
            assert answer.status_code == 200, answer.text
            found = [hit["id"] for hit in answer.json()["hits"]]
            total += 1
            if row["document"] in found:
                hits += 1
                ranks += 1 / (found.index(row["document"]) + 1)
    return hits / total, ranks / total


async def test_the_course_faq_is_found_alike_by_both_engines(
    data: Path, engines: dict[str, Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    queries = list(csv.DictReader((data / "queries.csv").read_text("utf-8").splitlines()))
    figures: dict[str, Figures] = {}
    for name, settings in engines.items():
        started = time.perf_counter()
        warnings, version = await _ingest(settings, data / "documents.json")
        seconds = time.perf_counter() - started
        assert version.manifest.entries == 947
        assert [warning for warning in warnings if "593f7569" in warning]
        assert (await _ingest(settings, data / "documents.json"))[1] == version
        figures[name] = await _measured(settings, queries)
        with capsys.disabled():
            hit, mrr = figures[name]
            print(f"\n{name}: ingest {seconds:.1f} s, hit@5 {hit:.4f}, MRR@5 {mrr:.4f}")

    for hit, mrr in figures.values():
        assert hit >= HIT_AT_5
        assert mrr >= MRR_AT_5
    assert all(abs(a - b) <= APART for a, b in zip(*figures.values(), strict=True))
