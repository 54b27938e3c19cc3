"""Search by meaning on the real engines, and what is left of it when its embedder is not there."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.wiring import open_askd
from tests.live.serving import SAMPLE, Chosen, Service, ingest, serving, settings_of

pytestmark = pytest.mark.anyio
QUESTION = "Which graphics card memory does a small model want?"


@pytest.fixture(
    scope="module", params=["embedded_hybrid", pytest.param("elasticsearch_hybrid", marks=pytest.mark.live)]
)
def hybrid(request: pytest.FixtureRequest) -> Chosen:
    chosen: Chosen = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
async def service(hybrid: Chosen) -> AsyncIterator[Service]:
    async with serving(settings_of(hybrid)) as service:
        yield service


async def test_hits_have_cosines_and_a_confidence(service: Service) -> None:
    body = (await service.client.post("/search", json={"question": QUESTION})).json()

    assert body["notices"] == []
    assert 0 < body["confidence"] <= 1
    assert all(-1 <= hit["semantic"] <= 1 for hit in body["hits"])
    assert body["timings_ms"]["embed"] > 0
    assert (await service.client.get("/collections")).json()["index"]["embedder"] == "bge-small-en-v1.5"


@pytest.mark.parametrize("harm", ["missing", "truncated", "of another model"])
async def test_an_embedder_that_is_harmed_leaves_the_words(
    hybrid: Chosen, harm: str, tmp_path: Path, embedders: Path
) -> None:
    models = tmp_path / "models" / "bge-small-en-v1.5"
    if harm != "missing":
        shutil.copytree(embedders / "bge-small-en-v1.5", models)
    if harm == "truncated":
        (models / "model.onnx").write_bytes((models / "model.onnx").read_bytes()[:100_000])
    elif harm == "of another model":
        shutil.copy(embedders / "all-minilm-l6-v2" / "model.onnx", models)
    chosen = hybrid | {"data_dir": tmp_path}
    if "elasticsearch_url" not in hybrid:
        (tmp_path / "index").symlink_to(hybrid["data_dir"] / "index")

    async with serving(settings_of(chosen)) as service:
        body = (await service.client.post("/search", json={"question": QUESTION})).json()
        degraded = (await service.client.get("/readyz")).json()["degraded"]

    assert body["hits"]
    assert all(hit["semantic"] is None for hit in body["hits"])
    assert [notice["code"] for notice in body["notices"]] == ["embedder_unavailable"]
    assert "askd models pull" in body["notices"][0]["detail"]
    assert degraded == [f"embedder: {body['notices'][0]['detail']}"]


async def test_an_index_of_another_embedder_is_searched_by_words(hybrid: Chosen) -> None:
    async with serving(settings_of(hybrid, {"embedder": "all-minilm-l6-v2"})) as service:
        body = (await service.client.post("/search", json={"question": QUESTION})).json()

    assert body["hits"]
    assert [notice["code"] for notice in body["notices"]] == ["embedder_mismatch"]
    assert "askd index rebuild" in body["notices"][0]["detail"]


async def test_an_index_without_vectors_is_searched_by_words(with_embedder: Chosen, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(with_embedder["data_dir"] / "models")
    await ingest(settings_of({"data_dir": tmp_path}), SAMPLE)

    async with open_askd(settings_of({**with_embedder, "data_dir": tmp_path})) as askd:
        versions = await askd.store.versions()
    async with serving(settings_of({**with_embedder, "data_dir": tmp_path})) as service:
        body = (await service.client.post("/search", json={"question": QUESTION})).json()

    assert [version.vectors for version in versions] == [None]
    assert [notice["code"] for notice in body["notices"]] == ["index_without_vectors"]
