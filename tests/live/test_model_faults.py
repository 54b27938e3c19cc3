"""Models that are away, break off or stall: a sure question gets its entry all the same, others a problem."""

from collections.abc import AsyncIterator

import pytest

from tests.live.problems import SECRET, check_no_leak, check_problem, check_response
from tests.live.serving import Chosen, Service, serving, settings_of, text_of
from tests.live.tcp_proxy import Break, Stall, TcpProxy, answering, http_answer, until

pytestmark = [pytest.mark.anyio, pytest.mark.live]

# A typo away from an entry: sure enough for that entry to stand in for the model.
SURE = {"question": "Which keys does a record in a JSON file need for the ingset?"}
UNSURE = {"question": "Is there a way to use askd on a laptop where Docker is not installed?"}
PATHS = ["/ask", "/ask/stream"]


async def test_without_a_model_a_sure_question_gets_the_entry_and_others_a_503(
    embedded_index: Chosen, no_model: tuple[Chosen, str]
) -> None:
    engine, name = no_model
    async with serving(settings_of(embedded_index, engine)) as service:
        for path in PATHS:
            wanted = await service.client.post(path, json=SURE | {"mode": "generate"})
            check_response(wanted, 503, name)
            check_response(await service.client.post(path, json=UNSURE), 503, name)
        await check_extracted(service, name.replace("-", "_"))
        assert (await service.client.post("/search", json=SURE)).status_code == 200


async def check_extracted(service: Service, code: str) -> None:
    """The sure question is answered with the entry itself, on both routes."""
    stream = await service.stream(**SURE)
    for body in (await service.ask(**SURE), stream[-1][1]):
        assert (body["status"], body["origin"], body["model"]) == ("answered", "extracted", None)
        assert [notice["code"] for notice in body["notices"]] == [code]
        check_no_leak(body["notices"])
        assert body["answer"] == body["sources"][0]["answer"] == text_of(stream)
        assert body["sources"][0]["cited"]


@pytest.fixture
async def proxied(
    embedded_index: Chosen, ollama_model: Chosen, ollama_proxy: TcpProxy
) -> AsyncIterator[Service]:
    """Ollama behind the proxy, its model loaded."""
    async with serving(
        settings_of(embedded_index, ollama_model, {"ollama_url": ollama_proxy.url})
    ) as service:
        await service.ready()
        await until(lambda: any(passage.left or passage.answered for passage in ollama_proxy.to("/api/chat")))
        yield service


async def test_a_model_that_dies_before_its_first_word_is_a_503(
    proxied: Service, ollama_proxy: TcpProxy
) -> None:
    ollama_proxy.fault = Break("/api/chat")
    for path in PATHS:
        response = await proxied.client.post(path, json=SURE | {"mode": "generate"})
        check_response(response, 503, "model-unavailable")
    await check_extracted(proxied, "model_unavailable")


async def test_a_model_that_dies_while_it_writes_is_a_503_or_an_error_event(
    proxied: Service, ollama_proxy: TcpProxy
) -> None:
    ollama_proxy.fault = Break("/api/chat", after=2000)
    wanted = await proxied.client.post("/ask", json=SURE | {"mode": "generate"})
    check_response(wanted, 503, "model-unavailable")

    *begun, (name, problem) = await proxied.stream(**SURE, mode="generate")
    assert {name for name, _ in begun} == {"sources", "token"}
    assert name == "error"
    check_problem(problem, 503, "model-unavailable")
    assert problem.keys() == wanted.json().keys()
    assert problem["detail"] == wanted.json()["detail"]


async def test_what_a_dying_model_said_is_taken_back_where_the_entry_is_sure(
    proxied: Service, ollama_proxy: TcpProxy
) -> None:
    ollama_proxy.fault = Break("/api/chat", after=2000)
    names = [name for name, _ in await proxied.stream(**SURE)]
    assert (names[0], set(names[1:-2]), names[-2:]) == ("sources", {"token"}, ["replace", "done"])
    await check_extracted(proxied, "model_unavailable")


async def test_a_model_that_stalls_is_a_504(
    embedded_index: Chosen, ollama_model: Chosen, ollama_proxy: TcpProxy
) -> None:
    ollama_proxy.fault = Stall("/api/chat")
    impatient = {"ollama_url": ollama_proxy.url, "first_token_timeout": 1}
    async with serving(settings_of(embedded_index, ollama_model, impatient)) as service:
        for question in (SURE | {"mode": "generate"}, UNSURE):
            check_response(await service.client.post("/ask", json=question), 504, "model-timeout")
            (first, _), (last, problem) = await service.stream(**question)
            assert (first, last) == ("sources", "error")
            check_problem(problem, 504, "model-timeout")
    # Anew: by now the breaker spares the model.
    async with serving(settings_of(embedded_index, ollama_model, impatient)) as service:
        await check_extracted(service, "model_timeout")


async def test_an_ollama_that_answers_nonsense_is_unavailable(
    embedded_index: Chosen, ollama_model: Chosen
) -> None:
    for answer in (
        http_answer("500 Internal Server Error", f'{{"error": "{SECRET}"}}'),
        http_answer("200 OK", SECRET),
        SECRET.encode(),
    ):
        async with (
            answering(answer) as url,
            serving(settings_of(embedded_index, ollama_model, {"ollama_url": url})) as service,
        ):
            for path in PATHS:
                response = await service.client.post(path, json=SURE | {"mode": "generate"})
                check_response(response, 503, "model-unavailable")
