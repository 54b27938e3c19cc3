"""Every way to run askd answers the sample questions; SmolLM2 is too small to write freely, so by default it
quotes."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.answering import writing
from app.answering.phrases import phrases
from app.answering.writing_manner import writing_manner
from app.models.base import Prompt
from tests.live.serving import Service, prompts_to, serving, settings_of, text_of

NOT_IN_FAQ = phrases("english").no_answer

pytestmark = pytest.mark.anyio

PARAPHRASE = (
    "How do I tell askd to use my own Ollama and Elasticsearch servers in place of the embedded engines?"
)
EXACT = "  can I run ASKD without Docker"
OFF_TOPIC = "How do I water my tomatoes in summer?"
ANSWER_TOKENS = 128
WAYS = [
    pytest.param(("embedded_index", "embedded_model"), id="embedded"),
    pytest.param(("elasticsearch_index", "ollama_model"), id="servers", marks=pytest.mark.live),
    pytest.param(("embedded_index", "ollama_model"), id="only Ollama", marks=pytest.mark.live),
    pytest.param(("embedded_index", "llama_server_model"), id="llama-server"),
    pytest.param(("embedded_index", "ollama_v1_model"), id="Ollama's /v1", marks=pytest.mark.live),
    pytest.param(("elasticsearch_index", "embedded_model"), id="only Elasticsearch", marks=pytest.mark.live),
]


@pytest.fixture(scope="module", params=WAYS)
def chosen(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return [request.getfixturevalue(engine) for engine in request.param]


@pytest.fixture(scope="module")
async def service(chosen: list[dict[str, Any]]) -> AsyncIterator[Service]:
    async with serving(settings_of(*chosen, {"answer_tokens": ANSWER_TOKENS})) as service:
        await service.ready()
        yield service


@pytest.fixture
def prompts(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[Prompt]:
    return prompts_to(service.assistant.pipeline.writer.llm, monkeypatch)


async def test_a_paraphrase_is_answered_by_the_model_with_its_source(
    service: Service, prompts: list[Prompt]
) -> None:
    body = await service.ask(PARAPHRASE)
    assert (body["status"], body["origin"], body["notices"]) == ("answered", "quoted", [])
    assert [source["id"] for source in body["sources"] if source["cited"]] == ["engine-choice"]
    assert body["sources"][0]["in_prompt"]
    assert body["answer"].endswith("[1]")
    assert body["model"]
    # One number in JSON; where that is an object, the grammar lets white space follow up to the limit.
    assert 0 < body["usage"]["completion_tokens"] <= 24
    assert len(prompts) == 1


async def test_the_stream_says_what_the_whole_answer_says(service: Service) -> None:
    stream = await service.stream(PARAPHRASE)
    assert stream[0][0] == "sources"
    name, done = stream[-1]
    assert name == "done"
    assert text_of(stream) == done["answer"] == (await service.ask(PARAPHRASE))["answer"]


async def test_what_the_faq_does_not_hold_is_declined_without_the_model(
    service: Service, prompts: list[Prompt]
) -> None:
    body = await service.ask(OFF_TOPIC)
    assert (body["status"], body["answer"], body["origin"]) == ("no_answer", NOT_IN_FAQ, None)
    assert (body["model"], body["usage"]) == (None, None)
    assert not any(source["cited"] or source["in_prompt"] for source in body["sources"])
    assert [name for name, _ in await service.stream(OFF_TOPIC)] == ["sources", "token", "done"]
    assert prompts == []


@pytest.mark.parametrize(
    ("question", "mode", "entry"),
    [(EXACT, "auto", "start-without-docker"), (PARAPHRASE, "extract", "engine-choice")],
)
async def test_the_entrys_own_words_need_no_model(
    service: Service, prompts: list[Prompt], question: str, mode: str, entry: str
) -> None:
    body = await service.ask(question, mode=mode)
    assert (body["status"], body["origin"], body["model"]) == ("answered", "extracted", None)
    best = body["sources"][0]
    assert (best["id"], best["answer"], best["cited"]) == (entry, body["answer"], True)
    assert text_of(await service.stream(question, mode=mode)) == body["answer"]
    assert prompts == []


async def test_an_exact_question_goes_to_the_model_when_the_caller_wants_it(service: Service) -> None:
    body = await service.ask(EXACT, mode="generate")
    assert (body["origin"], body["sources"][0]["cited"]) == ("quoted", True)


async def test_a_collection_bounds_the_sources(service: Service) -> None:
    body = await service.ask("How does the index find a word that I misspell?", collection="retrieval")
    assert {source["collection"] for source in body["sources"]} == {"retrieval"}


async def test_lists_the_collections_with_their_sizes(service: Service) -> None:
    body = (await service.client.get("/collections")).json()
    names = [collection["name"] for collection in body["collections"]]
    assert names == ["askd", "local-models", "retrieval"]
    assert sum(collection["entries"] for collection in body["collections"]) >= 60
    assert body["index"]["version"]


async def test_what_a_model_writes_freely_has_marks_that_point_at_sources(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever its size and the way's own setting.
    monkeypatch.setattr(
        writing, "writing_manner", lambda setting, parameters: writing_manner("free", parameters)
    )
    for mode in ("generate", "auto"):
        stream = await service.stream(PARAPHRASE, mode=mode, limit=3)
        name, body = stream[-1]
        assert name == "done"
        assert text_of(stream).strip() == body["answer"]
        check_marks(body)


def check_marks(body: dict[str, Any]) -> None:
    """Whatever a model wrote, what the service makes of it holds together."""
    cited = {place for place, source in enumerate(body["sources"], 1) if source["cited"]}
    marked = {int(mark) for mark in re.findall(r"\[(\d+)\]", re.sub("`[^`]*`", "", body["answer"]))}
    codes = [notice["code"] for notice in body["notices"]]
    match body["status"], body["origin"]:
        case "answered", "generated":
            given = {place for place, source in enumerate(body["sources"], 1) if source["in_prompt"]}
            assert marked <= cited <= given
            assert body["usage"]["sources_in_prompt"] == len(given)
            assert set(codes) <= {"unsupported", "answer_cut"}
        case "answered", "extracted":
            assert (codes, cited) == (["unsupported"], {1})
        case status, origin:
            assert (status, origin, body["answer"]) == ("no_answer", None, NOT_IN_FAQ)
