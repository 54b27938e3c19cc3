"""An index that is gone, damaged or somebody else's, on disk and in Elasticsearch, and embedders to match."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from elasticsearch import AsyncElasticsearch

from app.indexes.elasticsearch.client import open_client
from tests.faults.calls import CALLS, WRITTEN, Seen, everywhere, made, seen_by
from tests.faults.models import made_up
from tests.faults.page import Page
from tests.live.serving import SAMPLE, Chosen, ingest, serving, settings_of

pytestmark = pytest.mark.anyio

GROUP = "Index and embedder"
_MISSING, _UNREADABLE = everywhere("503 index-missing"), everywhere("503 index-unreadable")


@pytest.fixture
async def model() -> AsyncIterator[Chosen]:
    """One that answers well."""
    async with made_up() as (_, chosen):
        yield chosen


# --- on disk -------------------------------------------------------------------------------------


def _remove(index: Path) -> None:
    shutil.rmtree(index)


def _write_over(pattern: str) -> Callable[[Path], None]:
    def write(index: Path) -> None:
        files = [file for file in index.glob(pattern) if file.is_file()]
        assert files
        for file in files:
            file.write_bytes(b"nonsense")

    return write


def _age(index: Path) -> None:
    for file in index.glob("versions/*/manifest.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": 1}))


ON_DISK: dict[str, tuple[Callable[[Path], None], Seen]] = {
    "there is no embedded index": (_remove, _MISSING),
    "the embedded index's manifest is damaged": (_write_over("versions/*/manifest.json"), _UNREADABLE),
    "the embedded index was written by another askd": (_age, _UNREADABLE),
}


@pytest.mark.parametrize("what", ON_DISK)
async def test_the_index_on_disk(
    what: str, embedded_index: Chosen, model: Chosen, tmp_path: Path, page: Page
) -> None:
    damage, expected = ON_DISK[what]
    index, kept = tmp_path / "index" / "askd", embedded_index["data_dir"] / "index" / "askd"
    shutil.copytree(kept, index)
    damage(index)
    async with serving(settings_of({"data_dir": tmp_path}, model)) as service:
        seen = await seen_by(service.client)
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(kept, index)
        assert await made(CALLS["search"], service.client) == "200 found"
    page.note(GROUP, what, seen)
    assert seen == expected


async def test_an_index_that_is_removed_while_it_serves(
    embedded_index: Chosen, model: Chosen, tmp_path: Path, page: Page
) -> None:
    shutil.copytree(embedded_index["data_dir"], tmp_path, dirs_exist_ok=True)
    async with serving(settings_of({"data_dir": tmp_path}, model)) as service:
        assert await seen_by(service.client) == WRITTEN
        shutil.rmtree(tmp_path / "index")
        seen = await seen_by(service.client)
        assert (await service.client.get("/readyz")).status_code == 503
    page.note(GROUP, "the embedded index is removed while it serves", seen)
    assert seen == _MISSING


# --- in Elasticsearch ------------------------------------------------------------------------------

_Befall = Callable[[AsyncElasticsearch, str], Awaitable[object]]


async def _delete(client: AsyncElasticsearch, alias: str) -> None:
    for name in await client.indices.get(index=alias):
        await client.indices.delete(index=name)


async def _replace_by_somebody_elses(client: AsyncElasticsearch, alias: str) -> None:
    await _delete(client, alias)
    await client.index(index=alias, document={"title": "lantern"}, refresh=True)


async def _age_mapping(client: AsyncElasticsearch, alias: str) -> None:
    [mapping] = [found["mappings"] for found in (await client.indices.get_mapping(index=alias)).values()]
    meta = mapping["_meta"]
    meta["manifest"]["schema"] = 1
    await client.indices.put_mapping(index=alias, meta=meta)


async def _close(client: AsyncElasticsearch, alias: str) -> None:
    await client.indices.close(index=alias)


IN_ELASTICSEARCH: dict[str, tuple[_Befall, Seen]] = {
    "the index is deleted in Elasticsearch": (_delete, _MISSING),
    "the index's name in Elasticsearch now belongs to something else": (
        _replace_by_somebody_elses,
        _UNREADABLE,
    ),
    "the index in Elasticsearch was written by another askd": (_age_mapping, _UNREADABLE),
    "the index in Elasticsearch is closed": (_close, everywhere("503 search-unavailable")),
}


@pytest.mark.live
@pytest.mark.parametrize("what", IN_ELASTICSEARCH)
async def test_the_index_in_elasticsearch(
    what: str, elasticsearch_index: Chosen, index_prefix: str, model: Chosen, page: Page
) -> None:
    damage, expected = IN_ELASTICSEARCH[what]
    alias = f"{index_prefix}-fault-{list(IN_ELASTICSEARCH).index(what)}"
    settings = settings_of(elasticsearch_index, model, {"index": alias})
    await ingest(settings, SAMPLE)
    async with serving(settings) as service, _client(elasticsearch_index) as client:
        assert await seen_by(service.client) == WRITTEN
        await damage(client, alias)
        await asyncio.sleep(2.1)  # the manifest is remembered for two seconds
        seen = await seen_by(service.client)
    page.note(GROUP, what, seen)
    assert seen == expected


@asynccontextmanager
async def _client(elasticsearch_index: Chosen) -> AsyncIterator[AsyncElasticsearch]:
    async with open_client(elasticsearch_index["elasticsearch_url"], api_key=None, timeout=30.0) as client:
        yield client


# --- the embedder ----------------------------------------------------------------------------------


def _less(code: str) -> Seen:
    """The answers are there, found by words alone."""
    return {name: f"{seen}, {code}" for name, seen in WRITTEN.items()}


def _no_files(models: Path) -> Chosen:
    shutil.rmtree(models / "bge-small-en-v1.5")
    return {}


def _damage(models: Path) -> Chosen:
    model = models / "bge-small-en-v1.5" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1000])
    return {}


def _another(models: Path) -> Chosen:
    return {"embedder": "all-minilm-l6-v2"}


EMBEDDERS: dict[str, tuple[Callable[[Path], Chosen], Seen]] = {
    "the embedder's files are not there": (_no_files, _less("embedder_unavailable")),
    "the embedder's files are damaged": (_damage, _less("embedder_unavailable")),
    "the index was made with another embedder": (_another, _less("embedder_mismatch")),
}


@pytest.mark.parametrize("what", EMBEDDERS)
async def test_the_embedder(
    what: str, embedded_hybrid: Chosen, model: Chosen, tmp_path: Path, page: Page
) -> None:
    damage, expected = EMBEDDERS[what]
    shutil.copytree(embedded_hybrid["data_dir"], tmp_path, dirs_exist_ok=True)
    changed = damage(tmp_path / "models")
    async with serving(settings_of(embedded_hybrid, {"data_dir": tmp_path}, model, changed)) as service:
        seen = await seen_by(service.client)
    page.note(GROUP, what, seen)
    assert seen == expected


async def test_an_index_without_vectors(
    embedded_index: Chosen, embedded_hybrid: Chosen, model: Chosen, tmp_path: Path, page: Page
) -> None:
    shutil.copytree(embedded_index["data_dir"], tmp_path, dirs_exist_ok=True)
    shutil.copytree(embedded_hybrid["data_dir"] / "models", tmp_path / "models")
    async with serving(settings_of(embedded_hybrid, {"data_dir": tmp_path}, model)) as service:
        seen = await seen_by(service.client)
    page.note(GROUP, "the index has no vectors", seen)
    assert seen == _less("index_without_vectors")
