"""The OpenAPI document: the service does what it says, it changes knowingly, and its examples work."""

from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unicodedata import normalize

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, negative_data_rejection, positive_data_acceptance

from app.api.schemas import AnswerOut, SearchOut
from app.indexes.embedded.index import EmbeddedIndex
from app.ingest.publishing import publish
from app.ingest.survey import survey
from app.main import create_app
from app.models.scripted import ScriptedModel
from app.settings import Settings
from tests.api import snapshot
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.sizes import CASES, SEED

SAMPLE = Path("app/sample/faq.json")
VOLATILE = {"confidence", "model", "usage", "timings_ms", "request_id", "feedback_token"}
DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
LONGEST_QUESTION: int = DOCUMENT["components"]["schemas"]["Search"]["properties"]["question"]["maxLength"]
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
# Where nothing is sent, nothing can be sent wrongly.
CALLS = [
    (path, method, mode)
    for path, method, operation in OPERATIONS
    for mode in (GenerationMode if "requestBody" in operation else [GenerationMode.POSITIVE])
]

# --- the document ------------------------------------------------------------------------------


def test_the_committed_document_is_that_of_the_service() -> None:
    assert snapshot.PATH.read_text("utf-8") == snapshot.document(), (
        "the OpenAPI document has changed. Callers rely on it, so it may only grow; "
        "then renew it with `python -m tests.api.snapshot`"
    )


@pytest.mark.timeout(180 + CASES / 5)
@pytest.mark.parametrize(("path", "method", "mode"), CALLS)
def test_the_service_does_what_its_document_says(
    path: str, method: str, mode: GenerationMode, app: FastAPI
) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method]

    @seed(SEED)
    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=CASES, database=None)
    def holds(case: Case[Any]) -> None:
        # Not checked: that all is accepted which the document allows. It cannot say that a question needs
        # a visible character. Nor can it say that the length is that after trimming.
        unchecked: list[CheckFunction] = [positive_data_acceptance]
        if _too_long_but_for_trimming(case.body):
            unchecked.append(negative_data_rejection)
        case.call_and_validate(excluded_checks=unchecked)

    holds()


def _too_long_but_for_trimming(body: object) -> bool:
    question = body.get("question") if isinstance(body, dict) else None
    if not isinstance(question, str):
        return False
    return len(question) > LONGEST_QUESTION >= len(normalize("NFC", question).strip())


@pytest.mark.anyio
async def test_an_integer_may_be_written_as_json_schema_allows(client: httpx.AsyncClient) -> None:
    assert (await client.post("/search", json={"question": "course", "limit": 2.0})).status_code == 200
    assert (await client.post("/search", json={"question": "course", "limit": 2.5})).status_code == 422


# --- its examples ------------------------------------------------------------------------------


def _examples(of: dict[str, Any]) -> dict[str, Any]:
    named = of["content"].get("application/json", {}).get("examples", {})
    return {name: example["value"] for name, example in named.items()}


REQUESTS = [
    (path, name, body)
    for path, _, operation in OPERATIONS
    for name, body in _examples(operation.get("requestBody", {"content": {}})).items()
]


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service over the sample FAQ and a small model, which quotes the best entry."""
    index = EmbeddedIndex(tmp_path, "askd")
    await publish(index, survey([SAMPLE], collection=None, strict=True), "english", lambda _: None)
    llm = ScriptedModel(parameters=135_000_000, loaded=True)
    assistant = assistant_of(index, llm, prompt_tokens=640, answer_tokens=128)
    async with calling(app_of(assistant, index, llm)) as client:
        yield client


def test_every_operation_that_takes_a_body_has_examples() -> None:
    with_body = {path for path, _, operation in OPERATIONS if "requestBody" in operation}
    assert (
        with_body - {"/feedback"}  # which needs the token of an answer
        == {path for path, _, _ in REQUESTS}
        == {
            "/ask",
            "/ask/stream",
            "/search",
            "/v1/chat/completions",
        }
    )


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "name", "body"), REQUESTS)
async def test_every_example_of_a_request_works_when_pressed(
    path: str, name: str, body: dict[str, Any], sample: httpx.AsyncClient
) -> None:
    response = await sample.post(path, json=body)

    assert response.status_code == 200
    if path == "/ask/stream":
        assert "event: done" in response.text.splitlines()
        return
    if path == "/v1/chat/completions":
        assert response.json()["choices"][0]["message"]["content"]
        return
    shown = deepcopy(_examples(DOCUMENT["paths"][path]["post"]["responses"]["200"])[name])
    model = AnswerOut if path == "/ask" else SearchOut
    assert model.model_validate(shown).model_dump(mode="json") == shown
    got = response.json()
    expected = _steady(shown)
    for entry in [*expected.get("hits", []), *expected.get("sources", [])]:
        entry["score"] = pytest.approx(entry["score"], abs=0.01)  # other entries decide how rare a word is
    assert _steady(got) == expected
    assert [name for name in got if got[name] is None] == [name for name in shown if shown[name] is None]


def _steady(body: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the model, the clock, the calibration or the other entries of the index."""
    steady = {key: value for key, value in body.items() if key not in VOLATILE}
    if body.get("origin") == "generated":
        del steady["answer"]
    for hit in steady.get("hits", []):
        del hit["lexical"]
    return steady
