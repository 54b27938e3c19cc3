"""Puts the questions to each row, through the pipeline that `askd serve` has."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from app.answering.pipeline import Pipeline
from app.answering.retrieval import Retrieval, RetrievalResult
from app.answering.writing import Writer
from app.domain import Answer, Question, Status, Text
from app.errors import ModelError, ModelMissing, QuestionError
from app.evaluation.comparison.records import Key, Record, Records, case_digest
from app.evaluation.comparison.resources import EnergyMeter, peak_memory, reset_peak_memory
from app.evaluation.comparison.rows import Row
from app.evaluation.comparison.timed import TimedModel
from app.evaluation.questions import Case, Catalogue, place_of
from app.evaluation.runs import Found
from app.indexes.without import IndexWithout
from app.models.base import LanguageModel
from app.wiring.models import open_model

# The rows take turns after this many questions: a busy moment affects all of them equally, and a model
# that another one displaces from memory is not loaded for each question.
_ROUND = 25
# Of an answer in the entry's words, since the model gave none that could be used.
_TAKEN_BACK = frozenset(
    {"unsupported", "model_unavailable", "model_missing", "model_timeout", "entry_too_long"}
)


@dataclass(frozen=True, slots=True)
class Put:
    """A question as it is put, with or without the entries that answer it."""

    case: Case
    removed: bool

    def key(self, row: Row) -> Key:
        return row.key, case_digest(self.case), self.removed


@dataclass
class Comparison:
    """`retrieval` searches an index with the entries of `catalogue`; each question is searched for once."""

    retrieval: Retrieval
    catalogue: Catalogue
    records: Records
    meters: Sequence[EnergyMeter]
    unused: LanguageModel  # of the row that asks none
    _results: dict[Put, RetrievalResult] = field(default_factory=dict)

    async def run(
        self, models: Sequence[Sequence[Row]], cases: Sequence[Case], progress: Callable[[int], None]
    ) -> None:
        """What is not in the records yet, of the rows of each model.

        Raises ModelError where a model is gone; what was recorded stays.
        """
        for at in range(0, len(cases), _ROUND):
            # One after the other of a question would find what it reads in the model's cache.
            puts = [Put(case, removed) for removed in (False, True) for case in cases[at : at + _ROUND]]
            for rows in models:
                missing = {row: [put for put in puts if put.key(row) not in self.records] for row in rows}
                progress(len(puts) * len(rows) - sum(map(len, missing.values())))
                if not any(missing.values()):
                    continue
                reset_peak_memory()
                if rows[0].facts is None:
                    await self._put(missing, TimedModel(self.unused), progress)
                else:
                    async with open_model(rows[0].settings) as llm:
                        await llm.load()
                        await self._put(missing, TimedModel(llm), progress)

    async def _put(
        self, missing: Mapping[Row, Sequence[Put]], model: TimedModel, progress: Callable[[int], None]
    ) -> None:
        for row, puts in missing.items():
            if puts and row.facts:
                await self._record(warm_up(puts, self.catalogue), row, model)
            for put in puts:
                self.records.add(await self._record(put, row, model))
                progress(1)

    async def _record(self, put: Put, row: Row, model: TimedModel) -> Record:
        result = await self._searched(put)
        settings = row.settings
        writer = Writer(model, settings.prompt_budget, settings.answer_budget, writing=settings.writing)
        pipeline = Pipeline(Found(self.retrieval.index, result=result), writer)
        model.begin()
        before = _joules(self.meters)
        came = await _ask(pipeline, Question(put.case.text, put.case.collection, mode=row.mode))
        after, answer = _joules(self.meters), came.answer
        codes = {notice.code for notice in answer.notices} if answer else set[str]()
        status = await model.status() if row.facts else None
        if status and not status.present:
            raise ModelMissing(f"{row.name}: the model is gone")
        measured_here = self.meters and (row.facts is None or row.facts.here)
        return Record(
            row.key,
            case_digest(put.case),
            put.removed,
            answer.status if answer else None,
            answer.text if answer else "",
            answer.origin if answer else None,
            right=answer is not None and _right(answer, put.case),
            passed=answer is not None and answer.status is Status.ANSWERED and not codes & _TAKEN_BACK,
            asked_model=model.calls > 0,
            first_text=None if came.first_text is None else result.retrieve_ms + came.first_text,
            whole=result.retrieve_ms + came.whole,
            generations=[*model.generations],
            load_average=os.getloadavg()[0],
            memory=status.size_bytes if status and row.facts and row.facts.served else peak_memory(),
            joules=after - before if measured_here else None,
        )

    async def _searched(self, put: Put) -> RetrievalResult:
        if put not in self._results:
            retrieval, case = self.retrieval, put.case
            if put.removed:
                keys = frozenset(entry.key for place in case.gold for entry in self.catalogue.at(place))
                retrieval = replace(retrieval, index=IndexWithout(retrieval.index, keys))
            self._results[put] = await retrieval.find(Question(case.text, case.collection))
        return self._results[put]


def warm_up(puts: Sequence[Put], catalogue: Catalogue) -> Put:
    """A question that is not timed, about another entry if there is one.

    After it, what is read or cached once is there. For an entry's very own question no model would be asked.
    """
    timed = {place for put in puts for place in put.case.gold}
    entry = min(catalogue.entries(), key=lambda entry: place_of(entry) in timed)
    gold = frozenset({place_of(entry)})
    return Put(Case(f"Please: {entry.question}", entry.collection, gold), removed=False)


@dataclass(frozen=True, slots=True)
class _Came:
    """`answer` is None where the model gave none; milliseconds."""

    answer: Answer | None
    first_text: float | None
    whole: float


async def _ask(pipeline: Pipeline, question: Question) -> _Came:
    started = time.perf_counter()
    first: float | None = None
    answer: Answer | None = None
    try:
        async with aclosing(pipeline.answer(question)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    answer = event
                elif first is None and isinstance(event, Text):
                    first = (time.perf_counter() - started) * 1000
    except (ModelError, QuestionError):  # a caller would get a problem
        answer = None
    return _Came(answer, first, (time.perf_counter() - started) * 1000)


def _right(answer: Answer, case: Case) -> bool:
    """Whether a mark points at an entry that answers."""
    cited = [place_of(source.hit.entry) for source in answer.sources if source.cited]
    return answer.status is Status.ANSWERED and any(place in case.gold for place in cited)


def _joules(meters: Sequence[EnergyMeter]) -> float:
    return sum(meter.joules() for meter in meters)
