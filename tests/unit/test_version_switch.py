"""A question for which another index version takes over between reading the manifest and searching."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.domain import FaqEntry, Question
from app.embedders.base import EmbedderInfo, Vector
from app.errors import IndexUnreadable, UnknownCollection
from app.indexes.base import IndexRecord, SearchResult
from app.indexes.manifest import Manifest
from app.indexes.memory import MemoryIndex, manifest_of, records_of
from app.models.scripted import ScriptedModel
from tests.support.assistant import assistant_of
from tests.support.embedder import HashEmbedder
from tests.support.faq import FAQ, JOIN

pytestmark = pytest.mark.anyio
LATE = Question("Is it possible to join the course at any time?")
SMALL = EmbedderInfo("small", "its digest", 2)


class SwitchingIndex(MemoryIndex):
    """Publishes one version more, right after the first manifest was read."""

    def __init__(self, then: tuple[Manifest, Sequence[IndexRecord]]) -> None:
        super().__init__(FAQ)
        self._then = [then]
        self.searched: list[str] = []

    async def manifest(self) -> Manifest:
        manifest = await super().manifest()
        if self._then:
            await self.publish(*self._then.pop(), lambda _: None)
        return manifest

    async def search(
        self, question: str, *, vector: Vector | None, collection: str | None, size: int, context: str = ""
    ) -> SearchResult:
        self.searched.append(question)
        return await super().search(
            question, vector=vector, collection=collection, size=size, context=context
        )


async def test_the_question_is_searched_anew_in_the_version_that_took_over() -> None:
    index = SwitchingIndex((manifest_of([JOIN], "2"), records_of([JOIN])))
    found = await assistant_of(index, ScriptedModel()).find(LATE)
    assert found.version == "2"
    assert [hit.entry for hit in found.ranking.hits] == [JOIN]
    assert found.statistics.entries == 1
    assert len(index.searched) == 2


async def test_its_synonyms_and_its_embedder_are_those_of_the_version_searched() -> None:
    embedder = HashEmbedder()
    synonyms = [["possible", "feasible"]]
    manifest = replace(manifest_of(FAQ, "2", embedder=await embedder.info()), synonyms=synonyms)
    index = SwitchingIndex((manifest, records_of(FAQ, embedder.embed_entries(FAQ))))
    found = await assistant_of(index, ScriptedModel(), embedder=embedder).find(LATE)
    assert not found.notices  # the first version had no vectors, which would be noticed
    assert found.ranking.hits[0].semantic is not None
    assert index.searched == [LATE.text, f"{LATE.text} feasible"]


async def test_a_collection_that_is_gone_by_then_is_unknown() -> None:
    other = FaqEntry("1", "other", "Where?", "Here.")
    index = SwitchingIndex((manifest_of([other], "2"), records_of([other])))
    with pytest.raises(UnknownCollection, match="there are: other"):
        await assistant_of(index, ScriptedModel()).find(Question("join", JOIN.collection))


async def test_vectors_of_another_size_are_no_failure_when_a_new_version_has_them() -> None:
    embedder = HashEmbedder()
    vectors = [np.array([1, 0], dtype=np.float32)] * len(FAQ)
    index = SwitchingIndex((manifest_of(FAQ, "2", embedder=SMALL), records_of(FAQ, vectors)))
    await index.publish(
        manifest_of(FAQ, "1", embedder=await embedder.info()),
        records_of(FAQ, embedder.embed_entries(FAQ)),
        lambda _: None,
    )
    found = await assistant_of(index, ScriptedModel(), embedder=embedder).find(LATE)
    assert found.version == "2"
    assert [notice.code for notice in found.notices] == ["embedder_mismatch"]


async def test_an_index_that_cannot_be_read_is_told_while_the_same_version_serves() -> None:
    embedder = HashEmbedder()
    claimed = EmbedderInfo("hash", (await embedder.info()).digest, 2)
    index = MemoryIndex(FAQ, claimed, [np.array([1, 0], dtype=np.float32)] * len(FAQ))
    with pytest.raises(IndexUnreadable, match="askd index rebuild"):
        await assistant_of(index, ScriptedModel(), embedder=embedder).find(LATE)
