"""The queue for model servers, simulated, and held against askd in front of stub servers.

python -m tools.bench.scale.queue --servers 1,2 --slots 2 --out FOLDER

Questions arrive at random (Poisson, seeded); servers have as many slots and take as long for an answer; and
who finds no slot free waits in the order of arrival. Writes FOLDER/queue.json: seconds until the answer,
simulated and measured with the very same arrivals.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import orjson
import simpy
import typer
import uvloop

from tools.bench.serving.load import Caller, close_all
from tools.bench.serving.services import askd
from tools.bench.serving.stubs import Pace, Stubs, open_stubs

_PACE = Pace(search=0.002, first_token=0.1, interval=0.4 / 63, tokens=64)  # an answer takes half a second
_PATIENCE = 60.0
_SEED = 1


def arrivals(rate: float, count: int) -> Sequence[float]:
    """Seconds since the start, `rate` a second on average."""
    gaps = np.random.default_rng(_SEED).exponential(1 / rate, count)
    return [float(at) for at in np.cumsum(gaps)]


def simulated(times: Sequence[float], slots: int, service: float) -> Sequence[float]:
    """Seconds from each arrival to its answer, with so many slots in all, first come first served."""
    environment = simpy.Environment()
    free = simpy.Resource(environment, capacity=slots)
    taken: list[float] = []

    def question(at: float) -> Any:
        yield environment.timeout(at)
        with free.request() as slot:
            yield slot
            yield environment.timeout(service)
        taken.append(environment.now - at)

    for at in times:
        environment.process(question(at))
    environment.run()
    return taken


async def measured(stubs: Stubs, url: str, times: Sequence[float]) -> Sequence[float]:
    callers = [Caller(url) for _ in times]
    started = time.perf_counter()

    async def question(number: int, at: float) -> float:
        await asyncio.sleep(max(started + at - time.perf_counter(), 0))
        body = {"question": f"{stubs.question} {number} {at:.6f}", "mode": "generate"}
        patience = f"x-request-timeout: {_PATIENCE:g}\r\n"
        reply = await callers[number].post("/ask", body, timeout=_PATIENCE, headers=patience)
        if not reply.whole:
            raise RuntimeError(f"askd answered {reply.status}: {reply.body[:300]!r}")
        return time.perf_counter() - started - at

    taken = await asyncio.gather(*[question(number, at) for number, at in enumerate(times)])
    close_all(callers)
    return taken


def main(
    servers: Annotated[str, typer.Option(help="how many model servers")] = "1,2",
    slots: Annotated[int, typer.Option(help="of each server")] = 2,
    loads: Annotated[str, typer.Option(help="shares of what the servers can do")] = "0.5,0.8,0.95",
    seconds: Annotated[float, typer.Option(help="that questions arrive for, at each load")] = 30.0,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("reports/scale"),
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number in map(int, servers.split(",")):
        rows += uvloop.run(_rows(number, slots, [float(load) for load in loads.split(",")], seconds))
        (out / "queue.json").write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())


async def _rows(servers: int, slots: int, loads: Sequence[float], seconds: float) -> list[dict[str, Any]]:
    pace = Pace(_PACE.search, _PACE.first_token, _PACE.interval, _PACE.tokens, slots)
    async with AsyncExitStack() as opened:
        stubs = [await opened.enter_async_context(open_stubs()) for _ in range(servers)]
        for each in stubs:
            each.begin(pace)
        settings = {
            "ASKD_OLLAMA_URL": ",".join(each.ollama_url for each in stubs),
            "ASKD_SLOTS": str(slots),
        }
        service = await opened.enter_async_context(askd(stubs[0], settings))
        alone = float(np.median(await measured(stubs[0], service.url, [2.0 * turn for turn in range(5)])))
        rows = []
        for load in loads:
            rate = load * servers * slots / pace.generation
            times = arrivals(rate, int(rate * seconds))
            # What askd and the search add is no time of a slot, but every answer has it.
            added = alone - pace.generation
            expected = np.array(simulated(times, servers * slots, pace.generation)) + added
            taken = await measured(stubs[0], service.url, times)
            row: dict[str, Any] = {"servers": servers, "slots": slots, "load": load, "questions": len(times)}
            for name, found in (("simulated", expected), ("measured", taken)):
                p50, p95 = np.percentile(found, [50, 95])
                row[name] = {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}
            rows.append(row)
        return rows


if __name__ == "__main__":
    typer.run(main)
