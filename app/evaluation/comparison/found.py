"""What a comparison found, put together for its page, its JSON and its sheet. Pure."""

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain import Origin
from app.evaluation.comparison.figures import (
    RANKED_FROM,
    Difference,
    Figures,
    differences,
    figures,
    on_the_front,
)
from app.evaluation.comparison.records import Record, Records, case_digest
from app.evaluation.comparison.rows import Row
from app.evaluation.questions import Case, Catalogue

SAMPLES = 20  # questions whose answers are shown, and answers of each row to be read by hand
_SEED = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """A question, what the FAQ says, and the answer of each row, by its name."""

    question: str
    entry: str
    answers: Mapping[str, Record]


@dataclass(frozen=True)
class FoundComparison:
    rows: Mapping[Row, Figures]
    front: frozenset[Row]
    differences: Sequence[Difference]
    samples: Sequence[Sample]
    load_average: float  # of all answers
    to_read: Sequence[tuple[Row, Sample]]  # answers in models' own words that passed the checks

    @property
    def ranked(self) -> bool:
        return all(of.questions >= RANKED_FROM for of in self.rows.values())


def found(
    rows: Sequence[Row], cases: Sequence[Case], catalogue: Catalogue, records: Records
) -> FoundComparison:
    """Every question has to be in the records."""
    digests = {case: case_digest(case) for case in cases}

    def record(row: Row, case: Case, removed: bool) -> Record:
        kept = records.of(row.key, digests[case], removed=removed)
        if kept is None:
            raise LookupError(f"{row.name} has no answer to a question")
        return kept

    pairs = {row: [(record(row, case, False), record(row, case, True)) for case in cases] for row in rows}
    of_rows = {
        row: figures([there for there, _ in of], [gone for _, gone in of]) for row, of in pairs.items()
    }
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    samples = [
        Sample(
            case.text,
            catalogue.at(min(case.gold))[0].answer,
            {row.name: record(row, case, False) for row in rows},
        )
        for case in chance.sample(cases, len(cases))
    ]
    loads = [each.load_average for of in pairs.values() for both in of for each in both]
    return FoundComparison(
        of_rows,
        on_the_front(of_rows),
        differences({row.name: of for row, of in pairs.items()}),
        samples[:SAMPLES],
        sum(loads) / len(loads),
        [(row, sample) for row in rows for sample in _own_words(row, samples)[:SAMPLES]],
    )


def _own_words(row: Row, samples: Sequence[Sample]) -> Sequence[Sample]:
    answers = ((sample, sample.answers[row.name]) for sample in samples)
    return [sample for sample, of in answers if of.passed and of.origin is Origin.GENERATED]


def sheet(of: FoundComparison) -> str:
    """CSV: answers that passed the checks, beside what the FAQ says, with a column to be filled in."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["row", "question", "what the FAQ says", "answer", "supported by the FAQ? (yes, no)"])
    for row, sample in of.to_read:
        writer.writerow([row.name, sample.question, sample.entry, sample.answers[row.name].text, ""])
    return text.getvalue()


def as_json(of: FoundComparison) -> Mapping[str, object]:
    return {
        "ranked": of.ranked,
        "load_average": of.load_average,
        "rows": [
            {
                "name": row.name,
                "manner": row.manner,
                "front": row in of.front if of.ranked else None,
                "model": row.facts,
                "figures": figures_of,
            }
            for row, figures_of in of.rows.items()
        ],
        "differences": [
            {"row": each.row, "other": each.other, "measure": each.measure}
            | {"difference": each.difference, "shown": each.shown if of.ranked else None}
            for each in of.differences
        ],
        "samples": of.samples,
    }
