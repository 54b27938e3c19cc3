"""Retrieval: from a question to ranked entries, and to how far the first of them can be trusted."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.answering.embedder_state import embedder_trouble, unavailable
from app.answering.rewriting import read
from app.answering.several import Asked, first_of, left_open, part_of
from app.domain import Notice, Part, Question
from app.embedders.base import Embedder, Vector
from app.errors import EmbedderUnavailable, IndexUnreadable, UnknownCollection
from app.indexes.base import SearchIndex, SearchResult
from app.indexes.manifest import Manifest
from app.ranking.candidates import WordStatistics
from app.ranking.confidence import Calibration, Thresholds, calibration_of
from app.ranking.conversation import Context, context_of, stands_alone, towards, understood
from app.ranking.coverage import rarity
from app.ranking.fusion import Fusion, Ranking, rank
from app.ranking.interaction import interaction
from app.ranking.judgement import judge
from app.ranking.merging import merged, standing
from app.ranking.plain_text import plain
from app.ranking.stop_words import stop_words
from app.ranking.synonyms import search_text, wordings
from app.ranking.text import mostly_latin
from app.telemetry.tracing import NO_TRACING, Tracing

_CANDIDATES = 30  # of each list: enough that de-duplication still leaves as many hits as wanted
_MOST_ASKED = 4  # of several questions in one; the others are said to be open
_LOOKED_AT = 3  # of the parts of one question: the most promising are judged by their token vectors


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """The result of retrieval for one question."""

    ranking: Ranking
    notices: Sequence[Notice]
    statistics: WordStatistics  # of the index that was searched
    version: str  # of the same index
    embed_ms: float
    search_ms: float
    retrieve_ms: float  # both, and the ranking
    asked: str | None = None  # the part of the question with the best match; None: the question as it came
    language: str = "english"  # of the same index
    parts: Sequence[Part] = ()  # of several questions in one, in their order; `ranking` then joins theirs


@dataclass(frozen=True, slots=True)
class _Searched:
    """The texts of one question, all searched in one version of the index."""

    texts: Sequence[str]
    results: Sequence[SearchResult]
    manifest: Manifest
    notices: list[Notice]
    embed_ms: float
    search_ms: float


@dataclass(frozen=True)
class Retrieval:
    index: SearchIndex
    embedder: Embedder | None = None  # None: search by words alone
    fusion: Fusion = Fusion.HYBRID
    interacting: bool = False  # late interaction even where the calibration does not weigh it: to fit one
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds

    async def find(self, question: Question) -> RetrievalResult:
        """Raises UnknownCollection, or what `SearchIndex.search` raises."""
        with self.tracing.retrieval(question) as span:
            result = await self._find(question)
            if question.history and (context := context_of(question.history)):
                result = await self._in_context(question, context, result)
            span.set_attribute("askd.hits", len(result.ranking.hits))
            span.set_attribute("askd.confidence", result.ranking.confidence)
            return result

    async def _find(self, question: Question) -> RetrievalResult:
        started = self.clock()
        reading = read(question.text)
        searched = await self._search(reading.parts, question.collection)
        rankings = [
            self._rank(text, result, question.limit)
            for text, result in zip(reading.parts, searched.results, strict=True)
        ]
        found = [Asked(text, ranking) for text, ranking in zip(reading.parts, rankings, strict=True)]
        several = [each for each in found if each.text in reading.questions]
        best, parts = await self._decided(found, several, searched)
        ranking = merged([part.ranking for part in parts], question.limit) if parts else best.ranking
        notices = searched.notices
        if ranking.foreign:
            notices.append(Notice("other_language", _in_other_language(ranking.foreign)))
        return RetrievalResult(
            ranking,
            notices,
            searched.results[0].statistics,
            searched.manifest.version,
            embed_ms=searched.embed_ms,
            search_ms=searched.search_ms,
            retrieve_ms=(self.clock() - started) * 1000,
            asked=None if parts or best.text == question.text else best.text,
            language=searched.manifest.language,
            parts=[part_of(each, ranking) for each in parts],
        )

    async def _in_context(
        self, question: Question, context: Context, alone: RetrievalResult
    ) -> RetrievalResult:
        """What the question finds as a follow-up, where that is more than what it finds alone."""
        turn = alone.asked or question.text
        if alone.parts or stands_alone(turn, alone.ranking):
            return alone
        started = self.clock()
        searched = await self._search([turn], question.collection, context)
        [completed], [result] = searched.texts, searched.results
        ranking = self._rank(completed, result, question.limit, context)
        following = await self._judged(Asked(completed, ranking), searched, turn)
        ranking, follows = understood(
            turn, alone.ranking, following.ranking, result.statistics, searched.manifest.language
        )
        return replace(
            alone,
            ranking=ranking,
            asked=completed if follows else alone.asked,
            version=searched.manifest.version if follows else alone.version,
            embed_ms=alone.embed_ms + searched.embed_ms,
            search_ms=alone.search_ms + searched.search_ms,
            retrieve_ms=alone.retrieve_ms + (self.clock() - started) * 1000,
        )

    async def _decided(
        self, found: Sequence[Asked], several: Sequence[Asked], searched: _Searched
    ) -> tuple[Asked, Sequence[Asked]]:
        """The text that decides; or, of several questions with different answers, each of them."""
        exact = [each for each in found if each.ranking.exact]
        # The whole text first: where it is an entry's question, nothing in it is asked apart.
        if exact and (exact[0] is found[0] or len(several) < 2):
            return await self._judged(exact[0], searched), ()
        if len(several) > 1:
            judged = [await self._judged(each, searched) for each in several[:_MOST_ASKED]]
            if any(each.ranking.answerable for each in judged) and len(set(map(first_of, judged))) > 1:
                return judged[0], [*judged, *map(left_open, several[_MOST_ASKED:])]
        promising = sorted(found, key=_promise, reverse=True)[:_LOOKED_AT]
        if found[0] not in promising:
            promising = [found[0], *promising[:-1]]
        tried = [await self._judged(each, searched) for each in promising]
        return max(tried, key=lambda each: standing(each.ranking)), ()

    async def _search(
        self, texts: Sequence[str], collection: str | None, context: Context | None = None
    ) -> _Searched:
        """In one version of the index: if a new one is published meanwhile, it starts over.

        In a context the words and the meaning of what was said count a little, too.
        """
        started = self.clock()
        read = [context.completed(text) for text in texts] if context else texts
        said = context.said if context else ""
        manifest = await self.index.manifest()
        while True:
            _check_collection(collection, manifest)
            if context:
                (*vectors, lately), notices = await self._embed([*texts, context.lately], manifest)
                vectors = [towards(vector, lately) for vector in vectors]
            else:
                vectors, notices = await self._embed(texts, manifest)
            embedded = self.clock()
            try:
                results = await asyncio.gather(
                    *(
                        self.index.search(
                            search_text(wordings(text, manifest.synonyms)),
                            vector=vector,
                            collection=collection,
                            size=_CANDIDATES,
                            context=said,
                        )
                        for text, vector in zip(texts, vectors, strict=True)
                    )
                )
                versions = [result.manifest for result in results]
            except IndexUnreadable:  # of a new version, whose embedder makes vectors of another size?
                versions = [await self.index.manifest()]
                if versions[0].version == manifest.version:
                    raise
            other = [each for each in versions if each.version != manifest.version]
            if not other:
                break
            manifest = other[-1]  # collection, synonyms and vectors were of the version before it
        searched = self.clock()
        embed_ms, search_ms = (embedded - started) * 1000, (searched - embedded) * 1000
        return _Searched(read, results, manifest, notices, embed_ms, search_ms)

    def _rank(self, text: str, result: SearchResult, limit: int, context: Context | None = None) -> Ranking:
        asked = wordings(text, result.manifest.synonyms)
        weight = _calibration(result).cosine_weight
        return rank(
            asked,
            result.candidates,
            result.statistics,
            weight,
            limit,
            self.fusion,
            result.manifest.language,
            context.given if context else None,
        )

    async def _judged(self, asked: Asked, searched: _Searched, turn: str | None = None) -> Asked:
        """`turn` is the question itself, where the text completes it."""
        result = searched.results[searched.texts.index(asked.text)]
        calibration = _calibration(result)
        ranking = asked.ranking
        if (calibration.interacts or self.interacting) and ranking.hits and not ranking.exact:
            ranking = await self._interacting(asked, result)
            if ranking.features.late is None and calibration.interacts:  # the token vectors could not be had
                calibration = calibration_of(None)
        thresholds = _thresholds(result, calibration)
        return replace(
            asked,
            ranking=judge(turn or asked.text, ranking, calibration, thresholds, result.manifest.language),
        )

    async def _interacting(self, asked: Asked, result: SearchResult) -> Ranking:
        """With late interaction among the features of the first hit."""
        entry = asked.ranking.hits[0].entry
        if self.embedder is None:
            return asked.ranking
        try:
            question, held = await self.embedder.token_vectors(
                asked.text, plain(f"{entry.question}\n{entry.answer}")
            )
        except EmbedderUnavailable:
            return asked.ranking
        stopped = stop_words(result.manifest.language)
        met = interaction(question, held, lambda word: rarity(word, result.statistics), stopped)
        if met is None:
            return asked.ranking
        features = replace(asked.ranking.features, late=met.late, late_min=met.late_min)
        return replace(asked.ranking, features=features)

    async def _embed(
        self, texts: Sequence[str], manifest: Manifest
    ) -> tuple[list[Vector | None], list[Notice]]:
        """The texts' vectors; Nones, with the reason, where only words can be compared."""
        none: list[Vector | None] = [None] * len(texts)
        if self.embedder is None or self.fusion is Fusion.LEXICAL:
            return none, []
        trouble = await embedder_trouble(self.embedder, manifest)
        if trouble is None:
            try:
                info = await self.embedder.info()
                readable = [text for text in texts if mostly_latin(text) or not info.latin_only]
                found = await asyncio.gather(*map(self.embedder.embed_question, readable))
                vector_of = dict(zip(readable, found, strict=True))
                return [vector_of.get(text) for text in texts], []
            except EmbedderUnavailable as error:
                trouble = unavailable(error)
        return none, [trouble]


def _in_other_language(language: str) -> str:
    named = language if " " in language else language.capitalize()
    return f"the question seems to be in {named}, the FAQ is not: askd cannot tell whether it has the answer"


def _promise(asked: Asked) -> float:
    return asked.ranking.features.coverage + (asked.ranking.features.cosine or 0.0)


def _calibration(result: SearchResult) -> Calibration:
    embedder = result.manifest.embedder if result.candidates.semantic_floor is not None else None
    return calibration_of(embedder.name if embedder else None)


def _thresholds(result: SearchResult, calibration: Calibration) -> Thresholds:
    """The index's own where they were measured on the same scores."""
    own = result.manifest.thresholds
    return own if own is not None and calibration.interacts else calibration.thresholds


def _check_collection(wanted: str | None, manifest: Manifest) -> None:
    if wanted is not None and wanted not in manifest.collections:
        there = ", ".join(sorted(manifest.collections))
        raise UnknownCollection(f"no collection {wanted!r}; there are: {there}")
