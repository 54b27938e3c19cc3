"""Retrieval: from a question to ranked entries, and to how far the first of them can be trusted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.answering.embedder_state import embedder_trouble, unavailable
from app.domain import Notice, Question
from app.embedders.base import Embedder, Vector
from app.errors import EmbedderUnavailable, IndexUnreadable, UnknownCollection
from app.indexes.base import SearchIndex
from app.indexes.manifest import Manifest
from app.ranking.candidates import WordStatistics
from app.ranking.confidence import calibration_of
from app.ranking.fusion import Fusion, Ranking, rank
from app.ranking.synonyms import search_text, wordings
from app.telemetry.tracing import NO_TRACING, Tracing

_CANDIDATES = 30  # of each list: enough that de-duplication still leaves as many hits as wanted


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """What retrieval alone has to say to a question."""

    ranking: Ranking
    notices: Sequence[Notice]
    statistics: WordStatistics  # of the index version that was searched
    version: str  # of the index that was searched
    embed_ms: float
    search_ms: float
    retrieve_ms: float  # both, and the ranking


@dataclass(frozen=True)
class Retrieval:
    index: SearchIndex
    embedder: Embedder | None = None  # None: search by words alone
    fusion: Fusion = Fusion.HYBRID
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds

    async def find(self, question: Question) -> RetrievalResult:
        """Raises UnknownCollection, or what `SearchIndex.search` raises."""
        with self.tracing.retrieval(question) as span:
            result = await self._find(question)
            span.set_attribute("askd.hits", len(result.ranking.hits))
            span.set_attribute("askd.confidence", result.ranking.confidence)
            return result

    async def _find(self, question: Question) -> RetrievalResult:
        started = self.clock()
        manifest = await self.index.manifest()
        while True:
            _check_collection(question.collection, manifest)
            asked = wordings(question.text, manifest.synonyms)
            vector, notices = await self._embed(question.text, manifest)
            embedded = self.clock()
            try:
                result = await self.index.search(
                    search_text(asked), vector=vector, collection=question.collection, size=_CANDIDATES
                )
                searched_in = result.manifest
            except IndexUnreadable:  # of a new version, whose embedder makes vectors of another size?
                searched_in = await self.index.manifest()
                if searched_in.version == manifest.version:
                    raise
            if searched_in.version == manifest.version:
                break
            manifest = searched_in  # collection, synonyms and vector were of the version before it
        searched = self.clock()
        found = result.candidates
        embedder = manifest.embedder if found.semantic_floor is not None else None
        calibration = calibration_of(embedder.name if embedder else None)
        ranking = rank(asked, found, result.statistics, calibration, question.limit, self.fusion)
        if ranking.short:
            detail = "the question has too few words to be sure; this is the entry that fits them best"
            notices.append(Notice("short_question", detail))
        return RetrievalResult(
            ranking,
            notices,
            result.statistics,
            manifest.version,
            embed_ms=(embedded - started) * 1000,
            search_ms=(searched - embedded) * 1000,
            retrieve_ms=(self.clock() - started) * 1000,
        )

    async def _embed(self, question: str, manifest: Manifest) -> tuple[Vector | None, list[Notice]]:
        """The question's vector; None, with the reason, where only words can be compared."""
        if self.embedder is None or self.fusion is Fusion.LEXICAL:
            return None, []
        trouble = await embedder_trouble(self.embedder, manifest)
        if trouble is None:
            try:
                return await self.embedder.embed_question(question), []
            except EmbedderUnavailable as error:
                trouble = unavailable(error)
        return None, [trouble]


def _check_collection(wanted: str | None, manifest: Manifest) -> None:
    if wanted is not None and wanted not in manifest.collections:
        known = ", ".join(sorted(manifest.collections))
        raise UnknownCollection(f"no collection {wanted!r}; there are: {known}")
