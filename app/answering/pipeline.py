"""The pipeline: retrieve, decide, then let the model write, or quote the FAQ itself."""

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field, replace

from app.answering.embedder_state import embedder_trouble, unavailable
from app.answering.writing import Draft, Writer
from app.domain import (
    Answer,
    Event,
    Mode,
    Notice,
    NoticeCode,
    Origin,
    Question,
    Replacement,
    Source,
    Status,
    Text,
    Timings,
)
from app.embedders.base import Embedder, Vector
from app.errors import (
    DeadlineExceeded,
    EmbedderUnavailable,
    IndexUnreadable,
    ModelError,
    ModelMissing,
    ModelTimeout,
    NothingFits,
    Overloaded,
    UnknownCollection,
)
from app.indexes.base import SearchIndex
from app.indexes.manifest import Manifest
from app.models.base import LanguageModel
from app.ranking.candidates import WordStatistics
from app.ranking.confidence import calibration_of
from app.ranking.fusion import SUPPORTED, Fusion, Ranking, coverage_by, rank, repeated
from app.ranking.synonyms import search_text, wordings
from app.traffic.admission import Admission, Place
from app.traffic.deadline import NEVER, Deadline

NOT_IN_FAQ = "The FAQ does not answer this question."
_CANDIDATES = 30  # of each list: enough that de-duplication still leaves the places wanted


@dataclass(frozen=True, slots=True)
class Found:
    """What retrieval alone has to say to a question."""

    ranking: Ranking
    notices: Sequence[Notice]
    statistics: WordStatistics  # of the index version that was searched
    version: str  # the index version that was searched
    embed_ms: float
    search_ms: float
    retrieve_ms: float  # both, and the ranking


@dataclass
class Progress:
    """One question on its way to an answer: its sources are known, its text is being written."""

    question: Question
    started: float
    found: Found
    draft: Draft = field(default_factory=Draft)
    sent: bool = False  # some text has gone out
    queue: Place | None = None  # it has been in

    def sources(self) -> list[Source]:
        return [
            Source(hit, in_prompt=position in self.draft.in_prompt, cited=position in self.draft.cited)
            for position, hit in enumerate(self.found.ranking.hits, start=1)
        ]

    def say(self, text: str) -> Event:
        """The whole text, in place of what may have gone out before."""
        return Replacement(text) if self.sent else Text(text)

    def answer(
        self,
        text: str,
        origin: Origin | None,
        model: str | None = None,
        notices: Sequence[Notice] = (),
    ) -> Answer:
        now = time.perf_counter()
        first = self.draft.first_token if model else None
        return Answer(
            status=Status.ANSWERED if origin else Status.NO_ANSWER,
            text=text,
            origin=origin,
            sources=self.sources(),
            model=model,
            usage=self.draft.usage if model else None,
            notices=[*self.found.notices, *notices],
            confidence=self.found.ranking.confidence,
            timings=Timings(
                retrieve=self.found.retrieve_ms,
                queue=self.queue.waited * 1000 if self.queue else 0.0,
                queue_position=self.queue.ahead if self.queue else 0,
                first_token=None if first is None else (first - self.started) * 1000,
                total=(now - self.started) * 1000,
            ),
        )


@dataclass(frozen=True)
class Pipeline:
    index: SearchIndex
    llm: LanguageModel
    prompt_tokens: int
    answer_tokens: int
    embedder: Embedder | None = None  # None: search by words alone
    fusion: Fusion = Fusion.HYBRID
    admission: Admission = field(default_factory=Admission)

    async def find(self, question: Question, deadline: Deadline = NEVER) -> Found:
        """Retrieval alone. Raises UnknownCollection, DeadlineExceeded or what `SearchIndex.search` raises."""
        async with deadline.limit("the search"):
            return await self._found(question)

    async def _found(self, question: Question) -> Found:
        started = time.perf_counter()
        manifest = await self.index.manifest()
        while True:
            _check_collection(question.collection, manifest)
            asked = wordings(question.text, manifest.synonyms)
            vector, notices = await self._embedded(question.text, manifest)
            embedded = time.perf_counter()
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
        searched = time.perf_counter()
        found = result.candidates
        embedder = manifest.embedder if found.semantic_floor is not None else None
        calibration = calibration_of(embedder.name if embedder else None)
        ranking = rank(asked, found, result.statistics, calibration, question.limit, self.fusion)
        if ranking.short:
            detail = "the question has too few words to be sure; this is the entry that fits them best"
            notices.append(Notice("short_question", detail))
        return Found(
            ranking,
            notices,
            result.statistics,
            manifest.version,
            embed_ms=(embedded - started) * 1000,
            search_ms=(searched - embedded) * 1000,
            retrieve_ms=(time.perf_counter() - started) * 1000,
        )

    async def _embedded(self, question: str, manifest: Manifest) -> tuple[Vector | None, list[Notice]]:
        """The question's vector; None, with the reason, where the search has to do with words alone."""
        if self.embedder is None or self.fusion is Fusion.LEXICAL:
            return None, []
        trouble = await embedder_trouble(self.embedder, manifest)
        if trouble is None:
            try:
                return await self.embedder.embed_question(question), []
            except EmbedderUnavailable as error:
                trouble = unavailable(error)
        return None, [trouble]

    async def answer(
        self, question: Question, deadline: Deadline = NEVER
    ) -> AsyncGenerator[Progress | Event]:
        """First what is being worked on, then the events of the answer; closing it stops the model.

        Raises QuestionError, RetrievalError, ModelError or DeadlineExceeded.
        """
        started = time.perf_counter()
        # In mode generate nothing but the model will do: who would wait in vain is told before any work.
        place = self.admission.enter(deadline) if question.mode is Mode.GENERATE else None
        with place or nullcontext():
            progress = Progress(question, started, await self.find(question, deadline))
            yield progress
            async with aclosing(self._events(progress, deadline, place)) as events:
                async for event in events:
                    yield event

    async def turn(self, place: Place) -> None:
        """Wait for the slot. Raises as `Place.turn`."""
        await place.turn()

    def late(self, progress: Progress, error: DeadlineExceeded) -> Sequence[Event]:
        """What to say when the time is up. Raises `error` when the FAQ cannot speak for the model."""
        if progress.question.mode is not Mode.AUTO or not progress.found.ranking.confident:
            raise error
        return self._extracted(replace(progress), _notice_of(error))

    async def _events(
        self, progress: Progress, deadline: Deadline, place: Place | None
    ) -> AsyncGenerator[Event]:
        ranking, mode = progress.found.ranking, progress.question.mode
        if not ranking.answerable:
            yield Text(NOT_IN_FAQ)
            yield progress.answer(NOT_IN_FAQ, None)
        elif mode is Mode.EXTRACT or (mode is Mode.AUTO and (ranking.exact or ranking.short)):
            for event in self._extracted(progress):
                yield event
        else:
            async with aclosing(self._generated(progress, deadline, place)) as events:
                async for event in events:
                    yield event

    async def _generated(
        self, progress: Progress, deadline: Deadline, place: Place | None
    ) -> AsyncGenerator[Event]:
        """What the model writes; in mode auto the FAQ's own words where it cannot, or strays from them."""
        ranking, auto = progress.found.ranking, progress.question.mode is Mode.AUTO
        draft = progress.draft
        entries = [hit.entry for hit in ranking.hits]
        writer = Writer(self.llm, self.prompt_tokens, self.answer_tokens)
        try:
            with place or self.admission.enter(deadline) as slot:
                progress.queue = slot
                await self.turn(slot)
                pieces = writer.write(progress.question.text, entries, draft, best_needed=auto)
                async with aclosing(pieces):
                    async for piece in pieces:
                        progress.sent = True
                        yield Text(piece)
                slot.complete()
        except (NothingFits, ModelError) as error:
            if not auto or (isinstance(error, ModelError) and not ranking.confident):
                raise
            for event in self._extracted(progress, _notice_of(error)):
                yield event
            return
        if draft.unknown:
            yield progress.say(NOT_IN_FAQ)
            draft.in_prompt, draft.cited = (), set()
            yield progress.answer(NOT_IN_FAQ, None)
            return
        for event in self._checked(progress):
            yield event

    def _checked(self, progress: Progress) -> Iterator[Event]:
        """The finished text, if the entries it was written from hold what it says.

        Nobody is asked for anything any more: what fails now must not take the answer back.
        """
        draft, statistics = progress.draft, progress.found.statistics
        hits = progress.found.ranking.hits
        given = {position: hits[position - 1].entry for position in draft.in_prompt}
        supported = coverage_by(draft.text, given.values(), statistics) >= SUPPORTED
        if not supported and progress.question.mode is Mode.AUTO:
            detail = "the model's words went beyond the FAQ; this is the best entry itself"
            yield from self._extracted(progress, Notice("unsupported", detail))
            return
        if not draft.cited:
            draft.cited |= repeated(draft.text, given, statistics)
        notices = []
        if not supported:
            notices.append(Notice("unsupported", "the FAQ entries do not hold all that this answer says"))
        if draft.cut:
            detail = "the answer reached its limit of tokens and stops short; raise ASKD_ANSWER_TOKENS"
            notices.append(Notice("answer_cut", detail))
        yield progress.answer(draft.text.strip(), Origin.GENERATED, draft.model, notices)

    def _extracted(self, progress: Progress, *notices: Notice) -> Sequence[Event]:
        """The best entry's own words."""
        text = progress.found.ranking.hits[0].entry.answer
        said = progress.say(text)
        progress.draft = Draft(cited={1})
        return [said, progress.answer(text, Origin.EXTRACTED, notices=notices)]


def _check_collection(wanted: str | None, manifest: Manifest) -> None:
    if wanted is not None and wanted not in manifest.collections:
        there = ", ".join(sorted(manifest.collections))
        raise UnknownCollection(f"no collection {wanted!r}; there are: {there}")


def _notice_of(error: NothingFits | ModelError | DeadlineExceeded) -> Notice:
    code: NoticeCode
    match error:
        case NothingFits():
            code = "entry_too_long"
        case ModelMissing():
            code = "model_missing"
        case ModelTimeout() | DeadlineExceeded():
            code = "model_timeout"
        case Overloaded():
            code = "overloaded"
        case _:
            code = "model_unavailable"
    passing = not isinstance(error, NothingFits)
    return Notice(code, f"{error}; this is the best entry itself", passing)
