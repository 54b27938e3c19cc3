import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from app.api.dependencies import RequestTimeouts
from app.indexes.memory import MemoryIndex
from app.models.scripted import ScriptedModel
from app.traffic.admission import Admission
from app.traffic.deadline import NEVER
from app.traffic.shutdown import GracefulShutdown
from tests.support.app import app_of, calling
from tests.support.assistant import assistant_of
from tests.support.clock import JUMPING, loop_time
from tests.support.faq import FAQ

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}


@pytest.mark.parametrize(
    "wanted", ["", "soon", "0", "-1", "-0", "nan", "inf", "1_0", "1e400", "1e3", "+5", "0x10", "1 0", "5,0"]
)
@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
async def test_an_invalid_request_timeout_is_refused_by_its_name(
    client: httpx.AsyncClient, path: str, wanted: str
) -> None:
    response = await client.post(path, json=LATE, headers={"X-Request-Timeout": wanted})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-request")
    assert response.json()["errors"][0]["field"] == "header.X-Request-Timeout"


async def test_a_request_timeout_is_capped() -> None:
    timeouts = RequestTimeouts(default=120.0, most=600.0)
    waits = [
        timeouts.deadline(wanted, 0.0).seconds for wanted in (None, "0.5", "600", "601", "1" * 400, "9.")
    ]
    assert waits == [120.0, 0.5, 600.0, 600.0, 600.0, 9.0]
    assert RequestTimeouts(default=120.0, most=60.0).deadline(None, 0.0).seconds == 60.0


@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
async def test_the_time_of_a_request_runs_while_its_body_arrives(
    client: httpx.AsyncClient, path: str
) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b'{"question": "Is it possible to join '
        await asyncio.sleep(0.2)
        yield b'the course at any time?"}'

    headers = {"Content-Type": "application/json", "X-Request-Timeout": "0.1"}
    response = await client.post(path, content=slow(), headers=headers)
    assert (response.status_code, response.json()["type"]) == (504, "/problems/deadline-exceeded")


@pytest.mark.parametrize("anyio_backend", [JUMPING], ids=["jumping"])
async def test_a_wait_beyond_the_deadline_is_refused_with_retry_after(llm: ScriptedModel) -> None:
    admission = Admission(clock=loop_time)
    admission.service.learn(10.0)
    index = MemoryIndex(FAQ)
    assistant = assistant_of(index, llm, admission=admission)
    await admission.enter(NEVER).turn()
    async with calling(app_of(assistant, index, llm)) as client:
        for path in ("/ask", "/ask/stream"):
            body = LATE | {"mode": "generate"}
            response = await client.post(path, json=body, headers={"X-Request-Timeout": "5"})
            assert (response.status_code, response.json()["type"]) == (503, "/problems/overloaded")
            # 10 to wait, 10 to be served, 7 as the margin of an estimate from one generation; less 5
            assert response.headers["retry-after"] == "23"
    assert llm.prompts == []


async def test_a_request_timeout_above_the_cap_is_accepted(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json=LATE, headers={"X-Request-Timeout": "1000000000"})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/ask", "/search"])
async def test_the_stages_add_up_to_the_total(client: httpx.AsyncClient, path: str) -> None:
    timing = (await client.post(path, json=LATE)).headers["server-timing"]
    stages = {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", timing)}
    total = stages.pop("total")
    assert len(stages) == 3
    assert sum(stages.values()) == pytest.approx(total, rel=0.05, abs=0.5)


async def test_the_events_of_a_stream_are_counted(client: httpx.AsyncClient) -> None:
    stream = (await client.post("/ask/stream", json=LATE)).text
    ids = [int(number) for number in re.findall(r"^id: (\d+)$", stream, re.MULTILINE)]
    assert ids == list(range(1, stream.count("event: ") + 1))


async def test_a_service_that_shuts_down_is_not_ready(
    client: httpx.AsyncClient, shutdown: GracefulShutdown
) -> None:
    assert (await client.get("/readyz")).status_code == 200
    shutdown.begin(5.0)
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["missing"]) == (503, ["askd is stopping"])
