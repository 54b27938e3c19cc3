"""What a second worker adds to the throughput, where each is held to a part of a core.

python -m tools.bench.workers [--share 0.4 --rounds 5]        Linux, as root, with two cores

`askd serve` with one worker and with two, over the sample FAQ by words alone, asked in turns through
`/search` by callers that each keep a connection. Prints questions a second of each turn, and the ratio of the
medians.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvloop

from tools.bench.serving.load import Caller
from tools.bench.serving.services import free_port

_SAMPLE = Path(__file__).parents[2] / "app" / "sample" / "faq.json"
_ASKD = [sys.executable, "-c", "from app.cli import main; main()"]
_CGROUPS = Path("/sys/fs/cgroup")
_PERIOD = 20_000  # microseconds: short, so that no caller waits long for the next
_CALLERS = 16
_QUESTION = {"question": "How do I install it?", "limit": 5}
_START_SECONDS = 60


def main(
    share: Annotated[float, typer.Option(help="of a core, for each worker")] = 0.4,
    rounds: Annotated[int, typer.Option(help="turns of each")] = 5,
    seconds: Annotated[float, typer.Option(help="of a turn")] = 5.0,
) -> None:
    with ExitStack() as opened:
        data = opened.enter_context(TemporaryDirectory())
        environment = {
            **os.environ,
            "ASKD_DATA_DIR": data,
            "ASKD_EMBEDDER": "none",
            "ASKD_MODEL": "ollama:none",
            "ASKD_LOG_LEVEL": "error",
        }
        ingest = [*_ASKD, "ingest", str(_SAMPLE)]
        subprocess.run(ingest, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        ports = {workers: opened.enter_context(_serving(workers, share, environment)) for workers in (1, 2)}
        rates = uvloop.run(_measured(ports, rounds, seconds))
    for workers, measured in rates.items():
        typer.echo(f"{workers} x {share:g} core: {' '.join(f'{rate:.0f}' for rate in measured)} questions/s")
    one, two = (statistics.median(rates[workers]) for workers in (1, 2))
    typer.echo(f"two workers: {two / one:.2f} x the throughput of one; load {os.getloadavg()[0]:.1f}")


async def _measured(ports: dict[int, int], rounds: int, seconds: float) -> dict[int, list[float]]:
    """Questions a second, by the number of workers."""
    rates: dict[int, list[float]] = {workers: [] for workers in ports}
    for port in ports.values():
        await _rate(port, 1.0)
    for _ in range(rounds):
        for workers, port in ports.items():
            rates[workers].append(await _rate(port, seconds))
    return rates


async def _rate(port: int, seconds: float) -> float:
    until = time.perf_counter() + seconds
    return sum(await asyncio.gather(*(_ask(port, until) for _ in range(_CALLERS)))) / seconds


async def _ask(port: int, until: float) -> int:
    """How many questions one caller got answered."""
    caller, answered = Caller(f"http://127.0.0.1:{port}"), 0
    try:
        while time.perf_counter() < until:
            reply = await caller.post("/search", _QUESTION)
            if reply.status != 200:
                raise RuntimeError(f"status {reply.status}")
            answered += 1
    finally:
        caller.close()
    return answered


@contextmanager
def _serving(workers: int, share: float, environment: dict[str, str]) -> Iterator[int]:
    """askd with so many workers; the port it listens on."""
    port = free_port()
    with ExitStack() as opened:
        serve = [*_ASKD, "serve", "--port", str(port), "--workers", str(workers)]
        process = subprocess.Popen(serve, env=environment)  # noqa: S603
        opened.callback(process.wait)
        opened.callback(process.terminate)
        latest = time.monotonic() + _START_SECONDS
        while len(pids := _serving_processes(process.pid, workers)) < workers or not _answers(port):
            if process.poll() is not None or time.monotonic() > latest:
                raise RuntimeError("askd did not start")
            time.sleep(0.2)
        for pid in pids:
            opened.enter_context(_held(pid, share))
        yield port


def _serving_processes(parent: int, workers: int) -> Sequence[int]:
    if workers == 1:
        return [parent]
    children = map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _answers(port: int) -> bool:
    try:
        return asyncio.run(_once(port)) == 200
    except OSError:
        return False


async def _once(port: int) -> int:
    caller = Caller(f"http://127.0.0.1:{port}")
    try:
        return (await caller.post("/search", _QUESTION)).status
    finally:
        caller.close()


@contextmanager
def _held(pid: int, share: float) -> Iterator[None]:
    """The process gets this part of a core at most, by the CPU controller of either version of cgroups."""
    v1 = (_CGROUPS / "cpu").is_dir()
    folder = (_CGROUPS / "cpu" if v1 else _CGROUPS) / f"askd-bench-{pid}"
    folder.mkdir()
    try:
        quota = round(share * _PERIOD)
        if v1:
            (folder / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (folder / "cpu.max").write_text(f"{quota} {_PERIOD}")
        (folder / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        (folder.parent / "cgroup.procs").write_text(str(pid))
        folder.rmdir()


if __name__ == "__main__":
    typer.run(main)
