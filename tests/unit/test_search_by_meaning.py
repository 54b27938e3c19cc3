"""Where search by meaning takes part, and what is said where it cannot."""

from dataclasses import replace

import pytest

from app.answering.phrases import phrases
from app.answering.readiness import Readiness
from app.answering.service import Assistant
from app.domain import Mode, Question, Status
from app.embedders.base import EmbedderInfo
from app.errors import EmbedderUnavailable
from app.indexes.memory import MemoryIndex
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.models.scripted import ScriptedModel
from app.ranking.fusion import Fusion
from tests.support.assistant import assistant_of
from tests.support.embedder import HashEmbedder
from tests.support.faq import DOCKER, FAQ, JOIN

pytestmark = pytest.mark.anyio
LATE = Question("Is it possible to join the course at any time?")


def assistant_over(index: MemoryIndex, embedder: HashEmbedder | None) -> Assistant:
    return assistant_of(index, ScriptedModel(), prompt_tokens=400, answer_tokens=64, embedder=embedder)


async def index_by(embedder: HashEmbedder, synonyms: list[list[str]] | None = None) -> MemoryIndex:
    """Ingested as the command line does it."""
    index = MemoryIndex()
    found = survey([], collection=None, strict=True, kept=FAQ)
    await publish(index, found, "english", lambda _: None, embedder=embedder, synonyms=synonyms or [])
    return index


async def test_with_an_embedder_hits_have_cosines_and_nothing_is_noticed() -> None:
    embedder = HashEmbedder()
    found = await assistant_over(await index_by(embedder), embedder).find(LATE)

    assert found.ranking.hits[0].entry == JOIN
    assert found.ranking.hits[0].semantic is not None
    assert found.ranking.features.cosine is not None
    assert not found.notices


@pytest.mark.parametrize("interacting", [False, True])
async def test_a_calibration_is_fitted_with_late_interaction_that_the_last_one_did_not_weigh(
    interacting: bool,
) -> None:
    embedder = HashEmbedder()  # nobody calibrated it
    retrieval = assistant_over(await index_by(embedder), embedder).pipeline.retrieval

    found = await replace(retrieval, interacting=interacting).find(LATE)

    assert (found.ranking.features.late is not None) is interacting


async def test_an_embedder_that_fails_leaves_the_words_and_says_so() -> None:
    index = await index_by(HashEmbedder())
    broken = HashEmbedder(failure=EmbedderUnavailable("run `askd models pull`"))

    answer = await assistant_over(index, broken).ask(replace(LATE, mode=Mode.EXTRACT))

    assert (answer.status, answer.text) == (Status.ANSWERED, JOIN.answer)
    assert [(notice.code, notice.detail) for notice in answer.notices] == [
        ("embedder_unavailable", "run `askd models pull`")
    ]


@pytest.mark.parametrize(
    ("index", "code"),
    [
        (MemoryIndex(FAQ), "index_without_vectors"),
        (
            MemoryIndex(FAQ, EmbedderInfo("another", "its digest", 64), HashEmbedder().embed_entries(FAQ)),
            "embedder_mismatch",
        ),
    ],
)
async def test_an_index_of_another_embedder_is_searched_by_words(index: MemoryIndex, code: str) -> None:
    embedder = HashEmbedder()
    found = await assistant_over(index, embedder).find(LATE)
    report = await Readiness(index, ScriptedModel(loaded=True), embedder).report()

    assert found.ranking.hits[0].entry == JOIN
    assert found.ranking.hits[0].semantic is None
    assert [notice.code for notice in found.notices] == [code]
    assert "askd index rebuild" in found.notices[0].detail
    assert report.ready
    assert report.degraded == [f"embedder: {found.notices[0].detail}"]


async def test_without_an_embedder_by_choice_nothing_is_noticed() -> None:
    found = await assistant_over(await index_by(HashEmbedder()), None).find(LATE)
    assert not found.notices
    assert found.ranking.hits[0].semantic is None


async def test_one_signal_alone_can_be_asked_for() -> None:
    embedder = HashEmbedder()
    both = assistant_over(await index_by(embedder), embedder).pipeline.retrieval

    words = await replace(both, fusion=Fusion.LEXICAL).find(LATE)
    meaning = await replace(both, fusion=Fusion.SEMANTIC).find(LATE)

    assert all(hit.semantic is None for hit in words.ranking.hits)
    assert all(hit.semantic is not None for hit in meaning.ranking.hits)


async def test_key_words_that_fit_by_half_get_suggestions_and_no_model() -> None:
    model = ScriptedModel()
    assistant = assistant_of(MemoryIndex(FAQ), model)

    answer = await assistant.ask(Question("docker wifi zebra"))

    assert (answer.status, answer.origin, answer.model) == (Status.SUGGESTED, None, None)
    assert answer.text == phrases("english").suggested
    assert answer.sources[0].hit.entry == DOCKER
    assert not model.prompts


async def test_a_synonym_finds_what_the_question_does_not_say() -> None:
    asked = Question("Where do I find moby containers?", mode=Mode.EXTRACT)
    plain, told = MemoryIndex(FAQ), await index_by(HashEmbedder(), [["moby containers", "docker"]])

    assert (await assistant_over(plain, None).ask(asked)).status is Status.NO_ANSWER
    assert (await assistant_over(told, None).ask(asked)).text == DOCKER.answer
