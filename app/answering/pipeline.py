"""The pipeline, from top to bottom: retrieve, decide, write, verify."""

import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from enum import Enum, auto

from app.answering.phrases import phrases
from app.answering.prompt import contenders
from app.answering.quoting import (
    answered_part,
    disagreeing,
    extracted,
    open_part,
    quoted_sentences,
    said_by_entry,
)
from app.answering.retrieval import Retrieval, RetrievalResult
from app.answering.writing import Draft, Task, Writer
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
from app.errors import (
    AskdError,
    DeadlineExceeded,
    ModelError,
    ModelMissing,
    ModelTimeout,
    NothingFits,
    Overloaded,
)
from app.telemetry.tracing import NO_TRACING, Tracing
from app.traffic.admission import Admission, Place
from app.traffic.deadline import NEVER, TimeLeft

log = logging.getLogger(__name__)


class Decision(Enum):
    """Who answers."""

    DECLINE = auto()  # no answer: the FAQ does not hold it
    SUGGEST = auto()  # no answer: unsure, but the nearest entries may help
    EXTRACT = auto()  # the best entry's own words
    GENERATE = auto()  # the model


def decide(result: RetrievalResult, mode: Mode) -> Decision:
    ranking = result.ranking
    if ranking.status is Status.NO_ANSWER:
        return Decision.DECLINE
    if mode is Mode.GENERATE:
        return Decision.GENERATE
    if ranking.status is Status.SUGGESTED:
        return Decision.SUGGEST
    if mode is Mode.EXTRACT or ranking.exact or result.parts:
        return Decision.EXTRACT
    if mode is Mode.AUTO and disagreeing([hit.entry for hit in ranking.hits]):
        return Decision.EXTRACT  # a model would choose one of them, or mix them
    return Decision.GENERATE


@dataclass
class Progress:
    """One question on its way to an answer: its sources are known, its text is being written."""

    question: Question
    started: float  # on the pipeline's clock
    result: RetrievalResult
    draft: Draft = field(default_factory=Draft)
    sent: bool = False  # some text has been sent
    place: Place | None = None  # in the queue for the model

    def sources(self) -> list[Source]:
        return self.draft.sources(self.result.ranking.hits)


@dataclass(frozen=True)
class Pipeline:
    retrieval: Retrieval
    writer: Writer
    admission: Admission = field(default_factory=Admission)
    tracing: Tracing = NO_TRACING
    clock: Callable[[], float] = time.perf_counter  # seconds

    async def answer(
        self, question: Question, deadline: TimeLeft = NEVER
    ) -> AsyncGenerator[Progress | Event]:
        """First the progress, then the events of the answer; closing it stops the model.

        The deadline bounds the wait for the model, not the rest: whoever reads this ends it in time. Raises
        QuestionError, RetrievalError or ModelError.
        """
        started = self.clock()
        # In mode generate only the model can answer: a request that would wait in vain is refused at once.
        place = self.admission.enter(deadline) if question.mode is Mode.GENERATE else None
        with place or nullcontext():
            progress = Progress(question, started, await self.retrieval.find(question))
            yield progress
            decision = decide(progress.result, question.mode)
            if decision is not Decision.GENERATE:
                for event in self._without_model(progress, decision):
                    yield event
                return
            try:
                with place or self.admission.enter(deadline) as slot:
                    await self._turn(progress, slot)
                    async with aclosing(self.writer.write(_task(progress), progress.draft)) as pieces:
                        async for piece in pieces:
                            progress.sent = True
                            yield Text(piece, progress.draft.checked)
                    slot.complete()
            except (NothingFits, ModelError) as error:
                for event in self.fall_back(progress, error):
                    yield event
                return
        for event in self._verified(progress):
            yield event

    async def _turn(self, progress: Progress, slot: Place) -> None:
        """Wait in the queue for the model."""
        progress.place = slot
        with self.tracing.span("queue", {"askd.queue_position": slot.ahead}):
            await slot.turn()

    def fall_back(
        self, progress: Progress, error: NothingFits | ModelError | DeadlineExceeded
    ) -> Sequence[Event]:
        """The best entry in place of what the model could not write, or not in time.

        Raises `error` where that may not stand in: in mode generate, or when it is not sure to answer.
        """
        sure = progress.result.ranking.confident or isinstance(error, NothingFits)
        if progress.question.mode is not Mode.AUTO or not sure:
            raise error
        notice = _notice_of(error)
        if not isinstance(error, NothingFits):  # that is the entry's fault, and the settings'
            facts = {"notice": notice.code, "detail": str(error), "reason": error.reason}
            log.warning("an entry is the answer, since the model failed", extra=facts)
        return self._extracted(progress, notice)

    def _without_model(self, progress: Progress, decision: Decision) -> Sequence[Event]:
        if decision is Decision.EXTRACT:
            return self._extracted(progress)
        return self._declined(progress, suggest=decision is Decision.SUGGEST)

    def _declined(self, progress: Progress, *, suggest: bool = False) -> Sequence[Event]:
        said = phrases(progress.result.language)
        text, status = (said.suggested, Status.SUGGESTED) if suggest else (said.no_answer, Status.NO_ANSWER)
        return [_text(progress, text), self._answer(progress, progress.draft, text, None, status=status)]

    def _extracted(self, progress: Progress, *notices: Notice) -> Sequence[Event]:
        """The best entry's own words; of several questions, or where entries disagree, those of each."""
        result = progress.result
        entries = [hit.entry for hit in result.ranking.hits]
        own = extracted(entries, result.parts, result.asked or progress.question.text, result.language)
        if own.differ:
            detail = "the FAQ answers this question in more than one way"
            notices = (*notices, Notice("answers_differ", detail))
        draft = Draft(cited=set(own.cited), sentences=own.sentences)
        answer = self._answer(progress, draft, own.text, Origin.EXTRACTED, notices=notices)
        return [_text(progress, own.text), answer]

    def _verified(self, progress: Progress) -> Iterator[Event]:
        """The finished text, if an entry supports each of its sentences.

        Nothing is awaited any more: a backend that fails now must not take the answer back.
        """
        draft = progress.draft
        if draft.unknown:
            draft.in_prompt, draft.cited, draft.sentences = (), set(), ()
            yield from self._declined(progress)
            return
        if draft.unmatched and progress.question.mode is Mode.AUTO:
            detail = "the model's words went beyond the FAQ; this is the best entry itself"
            yield from self._extracted(progress, Notice("unsupported", detail))
            return
        if draft.retracted:
            yield _text(progress, draft.text)
        for text in self._left_out(progress):
            draft.text += f"\n\n{text}"
            yield Text(f"\n\n{text}")
        notices = []
        if draft.unmatched:
            notices.append(Notice("unsupported", "the FAQ entries do not hold all that this answer says"))
        if draft.cut:
            detail = "the answer reached its limit of tokens and stops short; raise ASKD_ANSWER_TOKENS"
            notices.append(Notice("answer_cut", detail))
        yield self._answer(progress, draft, draft.text, draft.origin, draft.model, notices)

    def _left_out(self, progress: Progress) -> Iterator[str]:
        """The parts the model was not asked: open ones, and those whose entries had no room in its prompt."""
        draft, hits = progress.draft, progress.result.ranking.hits
        for part in progress.result.parts:
            if part.status is not Status.ANSWERED:
                yield open_part(part, progress.result.language)
            elif (place := part.sources[0]) not in draft.in_prompt:
                entry = hits[place - 1].entry
                text = said_by_entry(entry.answer, entry, part.question)
                draft.sentences = [*draft.sentences, *quoted_sentences(text, place)]
                draft.cited.add(place)
                yield answered_part(part, text)

    def _answer(
        self,
        progress: Progress,
        draft: Draft,
        text: str,
        origin: Origin | None,
        model: str | None = None,
        notices: Sequence[Notice] = (),
        status: Status = Status.ANSWERED,
    ) -> Answer:
        first, place = draft.first_token if model else None, progress.place
        return Answer(
            status=status,
            text=text,
            origin=origin,
            sources=draft.sources(progress.result.ranking.hits),
            model=model,
            usage=draft.usage if model else None,
            notices=[*progress.result.notices, *notices],
            confidence=progress.result.ranking.confidence,
            sentences=draft.sentences if origin else (),
            asked=progress.result.asked,
            parts=progress.result.parts,
            index_version=progress.result.version,
            timings=Timings(
                retrieve=progress.result.retrieve_ms,
                queue=place.waited * 1000 if place else 0.0,
                queue_position=place.ahead if place else 0,
                first_token=None if first is None else (first - progress.started) * 1000,
                total=(self.clock() - progress.started) * 1000,
            ),
        )


def _task(progress: Progress) -> Task:
    """What the model is asked: the part with the best match, or all parts that have an answer."""
    result = progress.result
    parts = [part for part in result.parts if part.status is Status.ANSWERED]
    # Where retrieval is not sure that it has the answer, or there are several, the model sees all it found.
    sure = result.ranking.answerable and not result.parts
    hits = contenders(result.ranking.hits) if sure else result.ranking.hits
    return Task(
        "\n".join(part.question for part in parts) or result.asked or progress.question.text,
        [hit.entry for hit in hits],
        parts,
        supported=progress.question.mode is Mode.AUTO,
        statistics=result.statistics,
    )


def _text(progress: Progress, text: str) -> Event:
    """The whole text, in place of what may have been sent before."""
    return Replacement(text) if progress.sent else Text(text)


def _notice_of(error: AskdError) -> Notice:
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
