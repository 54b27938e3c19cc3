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
    # By words alone two of 90, since words match by their endings and typos only.
    assert share([ranking.status is Status.NO_ANSWER for ranking in found]) <= 0.025


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


COMPOUND = [
    ("How much memory does it need and does it support german questions?",
     ["memory-2b requirements", "language"]),
    ("What is Ollama and how do I import a GGUF file into it?", ["what-is-ollama", "import-gguf"]),
    ("How do I load my own FAQ and can it be a CSV file?", ["ingest-own-faq", "csv-format"]),
    ("How do I start askd for the first time, how do I stop it, and how do I upgrade it?",
     ["first-start", "stop-server", "upgrade"]),
    ("1. What is BM25?\n2. What are embeddings?\n3. Why are they combined?",
     ["bm25", "embeddings", "hybrid cosine"]),
    ("- How do I stop the server?\n- Where does it store its data?", ["stop-server", "data-dir"]),
    ("How much does askd cost and can I use it with Open WebUI?", ["licence", "open-webui"]),
    ("Where does askd store the index, and how can I back it up?", ["data-dir", "backup"]),
    ("Why is the first answer so slow and how can I make it faster?",
     ["slow-answers keep-alive", "smaller-model-speed"]),
    ("Can my FAQ be a folder of Markdown files, and do they need an id?", ["markdown-format", "missing-ids"]),
    ("Does it run on a Raspberry Pi? And does it need a GPU?", ["raspberry-pi", "cpu-only"]),
]  # fmt: skip


@pytest.fixture
async def hybrid(embedded_hybrid: Chosen) -> AsyncIterator[Assistant]:
    async with open_askd(settings_of(embedded_hybrid)) as askd:
        yield askd.assistant


@pytest.mark.parametrize(("question", "wanted"), COMPOUND)
async def test_each_of_several_questions_finds_its_entry(
    hybrid: Assistant, question: str, wanted: Sequence[str]
) -> None:
    result = await hybrid.find(Question(question))
    assert result.ranking.answerable
    first = [result.ranking.hits[part.sources[0] - 1].entry.id for part in result.parts]
    assert len(first) == len(wanted)
    assert all(one in right.split() for one, right in zip(first, wanted, strict=True))


async def test_a_part_whose_subject_no_entry_has_is_suggested_at_most(hybrid: Assistant) -> None:
    result = await hybrid.find(Question("Does askd run on Windows, and is it free?"))
    assert [part.status for part in result.parts] == [Status.ANSWERED, Status.SUGGESTED]


async def test_several_questions_that_are_all_unsure_are_all_named(hybrid: Assistant) -> None:
    result = await hybrid.find(Question("¿Cuánta memoria necesita askd y cómo instalo askd?"))
    assert result.ranking.status is Status.SUGGESTED
    assert [part.status for part in result.parts] == [Status.SUGGESTED, Status.SUGGESTED]
    assert [notice.code for notice in result.notices] == ["other_language"]


async def test_one_entry_that_answers_all_that_is_asked_is_one_answer(hybrid: Assistant) -> None:
    asked = "Can it read PDF files and does it support Confluence?"
    result = await hybrid.find(Question(asked))
    assert (result.ranking.answerable, result.parts, result.asked) == (True, [], None)
    assert result.ranking.hits[0].entry.id == "other-formats"
