import re

import httpx
import pytest
from fastapi import FastAPI

pytestmark = pytest.mark.anyio
LATE = {"question": "Is it possible to join the course at any time?"}


@pytest.mark.parametrize("wanted", ["", "soon", "0", "-1", "nan"])
@pytest.mark.parametrize("path", ["/ask", "/ask/stream", "/search"])
async def test_a_deadline_without_sense_is_refused_by_its_name(
    client: httpx.AsyncClient, path: str, wanted: str
) -> None:
    response = await client.post(path, json=LATE, headers={"X-Request-Timeout": wanted})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-request")
    assert response.json()["errors"][0]["field"] == "header.X-Request-Timeout"


async def test_a_deadline_may_be_longer_than_the_most_there_is(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json=LATE, headers={"X-Request-Timeout": "1e9"})
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


async def test_a_service_that_stops_is_not_ready(app: FastAPI, client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).status_code == 200
    app.state.draining.begin(5.0)
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["missing"]) == (503, ["askd is stopping"])
