"""Gates on how the sample's own questions are found and declined, by words alone and by meaning, too."""

import csv
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.answering.service import Assistant
from app.domain import Question, Status
from app.ranking.fusion import Ranking
from app.wiring import open_askd
from tests.live.serving import SAMPLE, Chosen, settings_of

pytestmark = pytest.mark.anyio
BOTH_INDEXES = [
    "embedded_index",
    "embedded_hybrid",
    pytest.param("elasticsearch_index", marks=pytest.mark.live),
    pytest.param("elasticsearch_hybrid", marks=pytest.mark.live),
]


@dataclass(frozen=True)
class Sample:
    question: str
    collection: str
    id: str
    kind: str


def samples(*kinds: str) -> list[Sample]:
    with Path("app/sample/questions.csv").open(newline="") as file:
        return [sample for row in csv.DictReader(file) if (sample := Sample(**row)).kind in kinds]


@pytest.fixture(scope="module", params=BOTH_INDEXES)
def index(request: pytest.FixtureRequest) -> Chosen:
    index: Chosen = request.getfixturevalue(request.param)
    return index


def newcomers() -> list[tuple[str, str]]:
    """What people ask who see askd for the first time, and the entry that answers it."""
    with Path("tests/support/newcomers.csv").open(newline="") as file:
        return [(row["question"], row["id"]) for row in csv.DictReader(file)]


@pytest.fixture
async def assistant(index: Chosen) -> AsyncIterator[Assistant]:
    async with open_askd(settings_of(index)) as askd:
        yield askd.assistant


async def rankings(assistant: Assistant, asked: Sequence[Sample], *, scoped: bool) -> list[Ranking]:
    questions = [Question(sample.question, sample.collection if scoped else None) for sample in asked]
    return [(await assistant.find(question)).ranking for question in questions]


def share(of: Sequence[bool]) -> float:
    return sum(of) / len(of)


@pytest.mark.parametrize(
    ("kind", "scoped", "least"),
    [("paraphrase", True, 0.95), ("typo", True, 0.9), ("paraphrase", False, 0.9), ("typo", False, 0.9)],
)
async def test_the_right_entry_is_among_the_first_five(
    assistant: Assistant, kind: str, scoped: bool, least: float
) -> None:
    asked = samples(kind)
    found = await rankings(assistant, asked, scoped=scoped)
    hits = [
        sample.id in [hit.entry.id for hit in ranking.hits]
        for sample, ranking in zip(asked, found, strict=True)
    ]
    assert share(hits) >= least


@pytest.mark.parametrize("scoped", [True, False])
async def test_few_questions_that_the_faq_answers_are_declined(assistant: Assistant, scoped: bool) -> None:
    found = await rankings(assistant, samples("paraphrase", "typo"), scoped=scoped)
    assert share([ranking.status is Status.NO_ANSWER for ranking in found]) <= 0.02


async def test_most_questions_that_the_faq_does_not_answer_are_declined(assistant: Assistant) -> None:
    found = await rankings(assistant, samples("unanswerable"), scoped=False)
    assert share([not ranking.answerable for ranking in found]) >= 0.9


async def test_every_entrys_own_question_is_answered_by_it(assistant: Assistant) -> None:
    for entry in json.loads(SAMPLE.read_text()):
        ranking = (await assistant.find(Question(entry["question"]))).ranking
        assert (ranking.status, ranking.hits[0].entry.id) == (Status.ANSWERED, entry["id"])


@pytest.fixture
async def with_meaning(embedded_hybrid: Chosen) -> AsyncIterator[Assistant]:
    async with open_askd(settings_of(embedded_hybrid)) as askd:
        yield askd.assistant


@pytest.mark.parametrize(("question", "entry"), newcomers())
async def test_a_newcomer_gets_the_right_answer_or_suggestion(
    with_meaning: Assistant, question: str, entry: str
) -> None:
    ranking = (await with_meaning.find(Question(question))).ranking
    assert ranking.status in (Status.ANSWERED, Status.SUGGESTED)
    assert ranking.hits[0].entry.id == entry
