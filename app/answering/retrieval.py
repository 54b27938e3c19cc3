"""Retrieval: from a question to ranked entries, and to how far the first of them can be trusted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.answering.rewriting import Reading, read
from app.answering.searching import Searched, Searcher
from app.answering.several import Asked, differ, gathered, left_open, part_of
from app.domain import FaqEntry, Notice, Part, Question, Status, Turn
from app.embedders.base import Embedder
from app.errors import EmbedderUnavailable
from app.indexes.base import SearchIndex, SearchResult
from app.ranking.candidates import WordStatistics
from app.ranking.confidence import Calibration, Thresholds, calibration_of
from app.ranking.conversation import Context, context_of, stands_alone, understood
from app.ranking.coverage import coverage, rarity
from app.ranking.fusion import Fusion, Ranking, rank
from app.ranking.interaction import Interaction, interaction
from app.ranking.judgement import judge
from app.ranking.merging import merged, standing
from app.ranking.plain_text import plain
from app.ranking.stop_words import stop_words
from app.ranking.synonyms import wordings
from app.telemetry.tracing import NO_TRACING, Tracing

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


@dataclass(frozen=True)
class Retrieval:
    index: SearchIndex
    embedder: Embedder | None = None  # None: search by words alone
    fusion: Fusion = Fusion.HYBRID
    interacting: bool = False  # late interaction even where the calibration does not weigh it: to fit one
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds

    @property
    def _searcher(self) -> Searcher:
        return Searcher(self.index, None if self.fusion is Fusion.LEXICAL else self.embedder, self.clock)

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
        searched = await self._searcher.search(reading.parts, question.collection)
        found = [
            Asked(text, self._rank(text, result, question.limit))
            for text, result in zip(reading.parts, searched.results, strict=True)
        ]
        best, parts = await self._decided(question, reading, found, searched)
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
        following, follows, searched = await self._following(question, Asked(turn, alone.ranking), context)
        return replace(
            alone,
            ranking=following.ranking,
            asked=following.text if follows else alone.asked,
            version=searched.manifest.version if follows else alone.version,
            embed_ms=alone.embed_ms + searched.embed_ms,
            search_ms=alone.search_ms + searched.search_ms,
            retrieve_ms=alone.retrieve_ms + (self.clock() - started) * 1000,
        )

    async def _following(
        self, question: Question, alone: Asked, context: Context, *, strict: bool = False
    ) -> tuple[Asked, bool, Searched]:
        """The better reading of what was asked, whether that is the one with its context, and the search."""
        searched = await self._searcher.search([alone.text], question.collection, context)
        [completed], [result] = searched.texts, searched.results
        ranking = self._rank(completed, result, question.limit, context)
        following = await self._judged(Asked(completed, ranking), searched, alone.text)
        ranking, follows = understood(
            alone.text,
            alone.ranking,
            following.ranking,
            result.statistics,
            searched.manifest.language,
            strict=strict,
        )
        return Asked(completed if follows else alone.text, ranking), follows, searched

    async def _decided(
        self, question: Question, reading: Reading, found: Sequence[Asked], searched: Searched
    ) -> tuple[Asked, Sequence[Asked]]:
        """The text that decides; or, of several questions with different answers, each of them."""
        several = [each for each in found if each.text in reading.questions]
        exact = [each for each in found if each.ranking.exact]
        # The whole text first: where it is an entry's question, nothing in it is asked apart.
        if exact and (exact[0] is found[0] or not several):
            return await self._judged(exact[0], searched), ()
        parts = await self._parts(question, reading, several, searched)
        if len(parts) == 1 and parts[0].ranking.answerable:  # one entry answers all that is asked
            return replace(parts[0], text=found[0].text), ()
        if any(each.ranking.answerable for each in parts):
            return parts[0], parts
        alone = [each for each in found if each.text not in reading.before]
        promising = sorted(alone, key=_promise, reverse=True)[:_LOOKED_AT]
        if found[0] not in promising:
            promising = [found[0], *promising[:-1]]
        tried = [await self._judged(each, searched) for each in promising]
        best = max(tried, key=lambda each: standing(each.ranking))
        open_parts = parts if differ(parts) and not best.ranking.answerable else ()
        if not open_parts:
            best = await self._suggesting(best, searched)
        return replace(best, text=reading.as_asked(best.text)), open_parts

    async def _parts(
        self, question: Question, reading: Reading, several: Sequence[Asked], searched: Searched
    ) -> Sequence[Asked]:
        """Each of several questions with its answer; those that one entry answers together are one."""
        judged: list[Asked] = []
        statistics, language = searched.results[0].statistics, searched.manifest.language
        for each in several[:_MOST_ASKED]:
            asked = await self._judged(each, searched, written=question.text)
            context = _subject_of(each.text, reading, question)
            if context and not stands_alone(each.text, asked.ranking):
                following, _, _ = await self._following(question, asked, context, strict=True)
                asked = replace(following, text=each.text)
            asked = replace(asked, text=reading.as_asked(each.text))

            def held(entry: FaqEntry, text: str = each.text) -> float:
                return coverage(text, entry, statistics, language)

            judged = gathered(judged, asked, held if each.text in reading.before else None)
        return [*judged, *map(left_open, several[_MOST_ASKED:])]

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

    async def _judged(
        self, asked: Asked, searched: Searched, turn: str | None = None, written: str | None = None
    ) -> Asked:
        """`turn` is the question itself, where the text completes it; `written` shows the language."""
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
            ranking=judge(
                turn or asked.text, ranking, calibration, thresholds, result.manifest.language, written
            ),
        )

    async def _interacting(self, asked: Asked, result: SearchResult) -> Ranking:
        """With late interaction among the features of the first hit."""
        met = await self._interaction(asked.text, asked.ranking.hits[0].entry, result)
        if met is None:
            return asked.ranking
        features = replace(asked.ranking.features, late=met.late, late_min=met.late_min)
        return replace(asked.ranking, features=features)

    async def _suggesting(self, asked: Asked, searched: Searched) -> Asked:
        """With the suggestions that are most like the question by their token vectors, where it is unsure."""
        ranking = asked.ranking
        if ranking.status is not Status.SUGGESTED or ranking.features.late is None or not ranking.contenders:
            return asked
        result = searched.results[searched.texts.index(asked.text)]
        met = [await self._interaction(asked.text, hit.entry, result) for hit in ranking.contenders]
        return replace(asked, ranking=ranking.suggesting([each.late if each else 0.0 for each in met]))

    async def _interaction(self, text: str, entry: FaqEntry, result: SearchResult) -> Interaction | None:
        if self.embedder is None:
            return None
        try:
            question, held = await self.embedder.token_vectors(
                text, plain(f"{entry.question}\n{entry.answer}")
            )
        except EmbedderUnavailable:
            return None
        stopped = stop_words(result.manifest.language)
        return interaction(question, held, lambda word: rarity(word, result.statistics), stopped)


def _subject_of(text: str, reading: Reading, question: Question) -> Context | None:
    """What one of several questions leans on: what stands before it in the text, else the conversation."""
    if (before := reading.before.get(text)) is None:
        return None
    return context_of([Turn("user", each) for each in before] or question.history)


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
