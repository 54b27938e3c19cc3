"""The measurements of `tools/bench/serving`, in small: they run, and what must hold on any machine holds.

ASKD_TEST_MINUTES says how long the steady load lasts; `scripts/soak` makes it a quarter of an hour.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.sizes import MINUTES
from tools.bench.serving import scenarios
from tools.bench.serving.embedder import embedder_info
from tools.bench.serving.plot import plotted
from tools.bench.serving.stubs import Stubs, open_stubs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240 + 150 * MINUTES)]
GROWS = 10  # MB at most, after the warm-up
TRIES = 3  # the best counts: on a busy machine a caller's time may end on the way


@pytest.fixture
async def stubs() -> AsyncIterator[Stubs]:
    async with open_stubs() as stubs:
        yield stubs


async def burst_of(callers: int, stubs: Stubs) -> dict[str, Any]:
    for _ in range(TRIES):
        measured = await scenarios.burst(stubs, callers=callers, patience=3.0)
        askd = measured["askd"]
        assert askd["refused"] == askd["refused_with_retry_after"] > 0
        assert askd["searches"] < callers  # refusals come before retrieval
        in_time = askd["timed_out"] == askd["finished_for_nobody"] == 0
        if in_time and askd["answered"] + askd["refused"] == callers:
            break
    return measured


async def test_answers_and_streams_are_measured_and_plotted(stubs: Stubs) -> None:
    measured: dict[str, Any] = {
        "one": await scenarios.one(stubs, rounds=1, each=1),
        "instant_one": await scenarios.instant_one(stubs, rounds=1, each=5),
        "instant_many": await scenarios.instant_many(stubs, callers=4, rounds=1, each=20),
        "hits": await scenarios.hits(stubs, callers=4, each=100),
        "streams64": await scenarios.streams(stubs, callers=8, rounds=1),
        "burst": await burst_of(30, stubs),
    }
    assert measured["instant_many"]["askd"]["answers_per_second"] > 0
    assert measured["streams64"]["askd"]["complete"] == measured["streams64"]["tutorial"]["complete"] == 8
    page = plotted(measured)
    assert "200 at once, one slot: answered" in page
    assert "256 streams" not in page

    burst = measured["burst"]["askd"]
    assert burst["timed_out"] == burst["finished_for_nobody"] == 0
    assert burst["answered"] + burst["refused"] == 30


async def test_what_the_embedder_takes_is_measured() -> None:
    async with open_stubs(embedder=await embedder_info()) as stubs:
        measured = await scenarios.embedder(stubs, callers=2, each=5)
    assert measured["answers_per_second"] > 0


async def test_under_steady_load_nothing_grows(stubs: Stubs) -> None:
    measured = await scenarios.steady(stubs, minutes=MINUTES)
    print(measured)
    assert measured["failed"] == 0
    assert measured["grown_mb"] <= GROWS
    assert max(measured["descriptors"]) <= measured["descriptors_allowed"]
