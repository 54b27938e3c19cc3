"""Whatever is sent, what comes back is an answer or a problem: of the documented shape, with its id, without
internals. ASKD_TEST_CASES says how many requests each route gets, ASKD_TEST_SEED which."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.api import health_schemas, schemas
from app.api.openai.errors import ErrorOut
from app.api.problems import PROBLEM
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from tests.api import malformed_requests
from tests.api.raw import Request, Response, call
from tests.api.test_schema import DOCUMENT
from tests.live.problems import INTERNALS, check_no_leak
from tests.live.serving import events
from tests.support.app import app_of
from tests.support.assistant import assistant_of
from tests.support.sizes import CASES, SEED

pytestmark = pytest.mark.timeout(180 + CASES / 5)

Send = Callable[[Request], Response]
ROUTES = [(path, method.upper()) for path, of in DOCUMENT["paths"].items() for method in of]
BODIES: dict[str, type[BaseModel]] = {
    "/ask": schemas.AnswerOut,
    "/search": schemas.SearchOut,
    "/collections": schemas.CollectionsOut,
    "/livez": health_schemas.Live,
    "/readyz": health_schemas.ReadinessOut,
}
# What HTTP has to say on its own, whatever the route.
PLAIN = {400, 404, 405, 413, 415, 422}
many = settings(
    max_examples=CASES,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
)


@pytest.fixture
def send(index: MemoryIndex, llm: ScriptedModel) -> Iterator[Send]:
    """The service, with a cache, as a server runs it."""
    with asyncio.Runner() as runner:
        assistant = assistant_of(index, llm, cache_entries=100)
        app = app_of(assistant, index, llm)
        lifespan = app.router.lifespan_context(app)
        state = runner.run(_started(lifespan))
        yield lambda request: runner.run(call(app, request, state))
        runner.run(lifespan.__aexit__(None, None, None))


async def _started(lifespan: AbstractAsyncContextManager[Mapping[str, object] | None]) -> dict[str, object]:
    return dict(await lifespan.__aenter__() or {})


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_whatever_is_sent_is_answered_as_documented(path: str, method: str, send: Send) -> None:
    @seed(SEED)
    @many
    @given(malformed_requests.requests(method, path))
    def holds(request: Request) -> None:
        response = send(request)
        _check(request, response)
        if request.method == method and response.status not in PLAIN:
            assert str(response.status) in DOCUMENT["paths"][path][method.lower()]["responses"]

    holds()


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
def test_every_malformed_header_or_value_on_its_own_is_answered(path: str, send: Send) -> None:
    json_kind, usual = (b"content-type", b"application/json"), b'{"question": "Can I join?"}'
    for name, values in malformed_requests.HEADERS.items():
        for value in values:
            headers = [(name, value)] if name == b"Content-Type" else [json_kind, (name, value)]
            request = Request("POST", path, headers, [usual])
            _check(request, send(request))
    # The others share their models with /ask.
    for field in ["question", "collection", "limit", "mode", "extra", "\\ud800"] if path == "/ask" else []:
        for text in malformed_requests.VALUES:
            body = f'{{"question": "Can I join?", "{field}": {text}}}'.encode()
            request = Request("POST", path, [json_kind], [body])
            _check(request, send(request))


def test_whatever_is_asked_for_there_is_an_answer(send: Send) -> None:
    @seed(SEED)
    @many
    @given(st.tuples(malformed_requests.paths, st.sampled_from(["GET", "POST"])), malformed_requests.bodies)
    def holds(where: tuple[str, str], body: bytes) -> None:
        path, method = where
        request = Request(method, path.encode("utf-8", "replace").decode(), body=[body])
        _check(request, send(request))

    holds()


def _check(request: Request, response: Response) -> None:
    assert response.status < 500, response  # the engines are well
    given = [value.decode("latin-1") for name, value in request.headers if name.lower() == b"x-request-id"]
    request_id = response.headers["x-request-id"]
    assert request_id in given[:1] or len(request_id) == 32
    if response.status == 405 or request.method in ("HEAD", "OPTIONS"):
        return
    if response.status >= 400 and response.headers["content-type"] != PROBLEM:
        _check_error(request, response)
    elif response.status >= 400:
        _check_problem(request, response, request_id)
    elif request.path == "/ask/stream":
        name, data = events(response.body.decode())[-1]
        assert name == "done"
        assert schemas.AnswerOut.model_validate(data).request_id == request_id
    elif (model := BODIES.get(request.path)) is not None:
        body = model.model_validate_json(response.body, strict=False)
        assert body.model_dump(mode="json") == json.loads(response.body)
        assert getattr(body, "request_id", request_id) == request_id


def _check_problem(request: Request, response: Response, request_id: str) -> None:
    assert response.headers["content-type"] == PROBLEM
    problem = schemas.Problem.model_validate_json(response.body)
    assert (problem.status, problem.request_id) == (response.status, request_id)
    assert problem.detail
    if not INTERNALS.search(request.text):  # which may come back
        check_no_leak(response.body.decode())


def _check_error(request: Request, response: Response) -> None:
    """In the form that clients of OpenAI's API read."""
    assert request.path.startswith("/v1/")
    assert ErrorOut.model_validate_json(response.body).error.message
    if not INTERNALS.search(request.text):
        check_no_leak(response.body.decode())
