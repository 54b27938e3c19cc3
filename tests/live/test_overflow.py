"""Prompts that would overflow the model's window: whole entries are left out, and no model meets them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.models.base import Prompt
from app.models.estimate import TokenEstimate
from tests.live.serving import (
    Chosen,
    Service,
    ingest_entries,
    long_entries,
    prompts_to,
    serving,
    settings_of,
)

pytestmark = pytest.mark.anyio

WINDOW, BUDGET, ANSWER = 512, 448, 64  # tokens
SHORT, GIANT = (
    {
        "question": f"What does the keeper of tower {tower} write of wind and waves?",
        "collection": f"tower-{tower}",
    }
    for tower in ("1", "2")
)
PATHS = ["/ask", "/ask/stream"]


@pytest.fixture(scope="module")
async def small_window(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    """One collection whose entries fit the prompt by two or three, and one whose entries never do."""
    chosen: Chosen = {
        "data_dir": tmp_path_factory.mktemp("towers"),
        "num_ctx": WINDOW,
        "prompt_tokens": BUDGET,
        "answer_tokens": ANSWER,
        "writing": "free",  # quoting takes one entry: more is what is tested here
    }
    entries = long_entries("1", days=5, pages=5) + long_entries("2", days=2, pages=40)
    await ingest_entries(settings_of(chosen), entries)
    return chosen


@pytest.fixture(
    scope="module", params=["embedded_model", pytest.param("ollama_model", marks=pytest.mark.live)]
)
async def service(request: pytest.FixtureRequest, small_window: Chosen) -> AsyncIterator[Service]:
    async with serving(settings_of(small_window, request.getfixturevalue(request.param))) as service:
        await service.ready()
        yield service


@pytest.fixture
def prompts(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[Prompt]:
    return prompts_to(service.assistant.pipeline.writer.llm, monkeypatch)


def check_usage(body: dict[str, Any], prompt: Prompt) -> int:
    """The usage tells what the model was given, and all of it fitted; returns the number of entries."""
    given = [source for source in body["sources"] if source["in_prompt"]]
    said = prompt.messages[-1].content
    assert [source["answer"] in said for source in body["sources"]] == [
        source["in_prompt"] for source in body["sources"]
    ]
    usage = body["usage"]
    assert (usage["sources_in_prompt"], usage["sources_dropped"]) == (len(given), 5 - len(given))
    assert usage["prompt_tokens"] + ANSWER <= WINDOW
    return len(given)


async def test_entries_that_do_not_fit_are_left_out_whole_and_reported(
    service: Service, prompts: list[Prompt]
) -> None:
    body = await service.ask(**SHORT, mode="generate")
    assert body["origin"] == "generated"
    assert 1 <= check_usage(body, prompts[-1]) < 5
    assert body["sources"][0]["in_prompt"]
    assert body["usage"]["prompt_tokens"] <= BUDGET
    assert len(prompts) == 1
    stream = dict(await service.stream(**SHORT, mode="generate"))
    assert check_usage(stream["done"], prompts[-1]) < 5


@pytest.mark.parametrize("path", PATHS)
async def test_where_no_entry_fits_the_model_is_not_asked(
    service: Service, prompts: list[Prompt], path: str
) -> None:
    response = await service.client.post(path, json=GIANT | {"mode": "generate"})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/nothing-fits")
    assert "ASKD_PROMPT_TOKENS" in response.json()["detail"]
    assert prompts == []


async def test_where_no_entry_fits_mode_auto_quotes_the_best(service: Service, prompts: list[Prompt]) -> None:
    for body in (await service.ask(**GIANT), (await service.stream(**GIANT))[-1][1]):
        assert (body["origin"], body["answer"]) == ("extracted", body["sources"][0]["answer"])
        assert [notice["code"] for notice in body["notices"]] == ["entry_too_long"]
        assert body["usage"] is None
    assert prompts == []


@pytest.mark.parametrize("mode", ["auto", "generate"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_question_that_alone_overflows_is_refused(
    service: Service, prompts: list[Prompt], path: str, mode: str
) -> None:
    endless = SHORT["question"] + " " + "§¶†‡¤" * 80  # few characters, so that it is not read in parts
    response = await service.client.post(path, json=SHORT | {"question": endless, "mode": mode})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/question-too-long")
    assert prompts == []


@pytest.mark.live
@pytest.mark.parametrize("service", ["ollama_model"], indirect=True)
async def test_what_an_estimate_lets_through_ollama_refuses_until_it_fits(
    service: Service, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TokenEstimate, "count", lambda self, text: len(text) // 50)
    body = await service.ask(**SHORT, mode="generate")
    sizes = [sum(len(message.content) for message in prompt.messages) for prompt in prompts]
    assert len(sizes) > 1
    assert sizes == sorted(sizes, reverse=True)
    assert body["status"] == "answered"
    assert 1 <= check_usage(body, prompts[-1]) < 5
