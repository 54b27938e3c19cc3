"""askd under load beside the tutorial service, both in front of the same paced stubs.

python -m tools.bench.serving --out FOLDER [--only one,streams64,streams256,burst,…]

The service measured has one core, stubs and callers have the other. Writes FOLDER/serving.json and
FOLDER/serving.html; ratios are the figures to look at, they were measured in turns on one machine.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import uvloop

from tools.bench.serving import scenarios
from tools.bench.serving.embedder import embedder_info
from tools.bench.serving.plot import plotted
from tools.bench.serving.services import LOAD_CORE
from tools.bench.serving.stubs import Stubs, open_stubs

_Scenario = Callable[[Stubs], Awaitable[scenarios.Figures]]
_SCENARIOS: Mapping[str, _Scenario] = {
    # the main table: tokens 20 ms apart
    "one": scenarios.one,
    "streams64": scenarios.streams,
    "streams256": partial(scenarios.streams, callers=256),
    "burst": scenarios.burst,
    # the second one: a model that answers at once, and cached answers
    "instant_one": scenarios.instant_one,
    "instant_many": scenarios.instant_many,
    "embedder": scenarios.embedder,
    "hits": scenarios.hits,
    "steady": scenarios.steady,
}
_DEFAULT = ",".join([each for each in _SCENARIOS if each != "steady"])


def main(
    only: Annotated[str, typer.Option(help="which scenarios; steady takes 18 minutes")] = _DEFAULT,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("reports/bench"),
) -> None:
    if unknown := set(only.split(",")) - set(_SCENARIOS):
        raise typer.BadParameter(
            f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(_SCENARIOS)}"
        )
    os.sched_setaffinity(0, {LOAD_CORE})
    out.mkdir(parents=True, exist_ok=True)
    measured: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    for name in only.split(","):
        load = os.getloadavg()[0]
        measured[name] = uvloop.run(_measured(name)) | {"load_before": round(load, 2)}
        typer.echo(f"{name}: {orjson.dumps(measured[name]).decode()}")
        (out / "serving.json").write_bytes(orjson.dumps(measured, option=orjson.OPT_INDENT_2))
    (out / "serving.html").write_text(plotted(measured))


async def _measured(name: str) -> scenarios.Figures:
    embedder = await embedder_info() if name == "embedder" else None
    async with open_stubs(embedder=embedder) as stubs:
        return await _SCENARIOS[name](stubs)


if __name__ == "__main__":
    typer.run(main)
