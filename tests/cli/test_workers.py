"""`askd serve --workers 2`: processes that share a port, from their start to the signal that ends them."""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Server, Shell
from tools.bench.serving.load import Caller
from tools.bench.serving.stubs import MODEL, Pace, open_stubs

LATE = {"question": "Is it possible to join the course at any time?"}
TWO = {"ASKD_WORKERS": "2", "ASKD_MODEL": "ollama:nobody"}
_PATIENCE = 60.0  # seconds


@pytest.fixture
def serving(filled: Shell) -> Iterator[Server]:
    """Two workers over the FAQ, without a model."""
    with filled.serving(TWO) as server:
        started(server, 2)
        yield server


def logged(server: Server, message: str) -> Sequence[dict[str, Any]]:
    lines = map(json.loads, server.log.read_text().splitlines())
    return [line for line in lines if line["message"].startswith(message)]


def started(server: Server, number: int) -> Sequence[int]:
    """The workers' processes, once there have been so many."""
    deadline = time.monotonic() + _PATIENCE
    while len(logged(server, "Application startup complete")) < number:
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.05)
    return [
        int(line["message"].strip("]").rpartition("[")[2])
        for line in logged(server, "Started server process")
    ]


def has_ended(pid: int) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def metric(server: Server, name: str) -> float:
    """Each call is answered by whichever worker is free."""
    (line,) = [line for line in server.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def test_metrics_are_those_of_all_workers(serving: Server) -> None:
    for _ in range(40):  # each with a connection of its own
        assert serving.post("/search", LATE).status_code == 200

    counted = 'askd_requests_total{problem="",route="/search",status="200"}'
    assert [metric(serving, counted) for _ in range(10)] == [40.0] * 10
    assert metric(serving, 'askd_request_seconds_count{route="/search"}') == 40
    assert metric(serving, "askd_queue_waiting") == 0
    assert metric(serving, "process_resident_memory_bytes") > 100e6


def test_sigterm_ends_all_of_them(serving: Server) -> None:
    pids = started(serving, 2)
    assert serving.stop(signal.SIGTERM) == 0
    assert all(has_ended(pid) for pid in pids)


def test_ctrl_c_ends_them_as_it_ends_every_command(serving: Server) -> None:
    assert serving.stop(signal.SIGINT) == 130
    assert "Traceback" not in serving.log.read_text()


def test_a_worker_that_dies_is_started_again_and_what_it_counted_stays(serving: Server) -> None:
    for _ in range(10):
        serving.post("/search", LATE)
    victim = started(serving, 2)[0]
    os.kill(victim, signal.SIGKILL)

    assert len(started(serving, 3)) == 3
    (line,) = logged(serving, "a worker has died")
    assert (line["level"], line["pid"], line["exit_status"]) == ("error", victim, -signal.SIGKILL)
    assert all(serving.post("/search", LATE).status_code == 200 for _ in range(10))
    assert metric(serving, 'askd_requests_total{problem="",route="/search",status="200"}') == 20
    assert serving.stop(signal.SIGTERM) == 0


def test_no_worker_outlives_a_parent_that_is_killed(serving: Server) -> None:
    pids = started(serving, 2)
    assert serving.stop(signal.SIGKILL) == -signal.SIGKILL
    assert all(has_ended(pid) for pid in pids)


def test_all_see_what_an_ingest_publishes_and_keep_their_feedback_in_one_file(
    serving: Server, filled: Shell, tmp_path: Path
) -> None:
    tea = {"id": "tea", "collection": "kitchen", "question": "Where is the tea?", "answer": "In the tin."}
    (tmp_path / "tea.json").write_text(json.dumps([tea]))
    for _ in range(10):
        assert serving.post("/ask", {**LATE, "mode": "extract"}).json()["status"] == "answered"

    version = filled("ingest", "tea.json", "--json").json["version"]

    assert {serving.get("/collections").json()["index"]["version"] for _ in range(20)} == {version}
    tokens = []
    for _ in range(10):
        answer = serving.post("/ask", {"question": "Where is the tea?", "mode": "extract"}).json()
        assert answer["answer"] == "In the tin."
        tokens.append(answer["feedback_token"])
    for token in tokens:
        assert serving.post("/feedback", {"token": token, "helpful": True}).status_code == 200
    assert serving.stop(signal.SIGTERM) == 0
    with sqlite3.connect(filled.data / "feedback" / "feedback.sqlite3") as db:
        assert db.execute("SELECT count(*), count(helpful) FROM answers").fetchone() == (20, 10)
    db.close()


def test_together_they_keep_to_the_rate_limit(filled: Shell) -> None:
    with filled.serving({**TWO, "ASKD_RATE_LIMIT": "6/minute"}) as server:
        started(server, 2)
        (share,) = logged(server, "each worker has its share")
        assert share["rate_limit"] == "3 per 1 minute"
        statuses = [server.post("/search", LATE).status_code for _ in range(40)]
        assert set(statuses) == {200, 429}
        assert statuses.count(200) <= 6


def test_what_cannot_start_ends_as_with_one_process(filled: Shell, serving: Server) -> None:
    port = serving.url.rpartition(":")[2]
    taken = filled("serve", "--workers", "2", "--port", port, settings=TWO, status=1)
    assert taken.err.startswith("askd: cannot listen on 127.0.0.1:")
    assert taken.err.count("\n") == 1
    wrong = filled("serve", "--workers", "2", settings={**TWO, "ASKD_RATE_LIMIT": "many"}, status=2)
    assert wrong.err.startswith("askd: ASKD_RATE_LIMIT:")
    filled("serve", "--workers", "0", status=2)


def test_a_worker_that_cannot_start_ends_the_command(filled: Shell, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import os, sys\nif '--multiprocessing-fork' in sys.orig_argv:\n    os._exit(7)\n"
    )
    with filled.serving({**TWO, "PYTHONPATH": broken}) as server:
        assert server.process.wait(timeout=_PATIENCE) == 1
        (line,) = logged(server, "a worker could not start; askd ends")
        assert line["exit_status"] == 7


def test_the_others_serve_on_while_one_that_died_cannot_be_replaced(filled: Shell, tmp_path: Path) -> None:
    hook, broken = tmp_path / "hook", tmp_path / "broken"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"broken = os.path.exists({str(broken)!r})\n"
        "if broken and '--multiprocessing-fork' in sys.orig_argv:\n    os._exit(7)\n"
    )
    with filled.serving({**TWO, "PYTHONPATH": hook}) as server:
        victim = started(server, 2)[0]
        assert server.post("/search", LATE).status_code == 200
        time.sleep(0.5)  # until both have said that they serve
        broken.touch()
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while len(logged(server, "a worker could not start; it is tried again")) < 2:
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.05)
        assert server.post("/search", LATE).status_code == 200
        broken.unlink()
        assert len(started(server, 3)) == 3
        assert server.stop(signal.SIGTERM) == 0


def test_a_second_signal_ends_workers_that_hang(serving: Server) -> None:
    hanging = started(serving, 2)[0]
    os.kill(hanging, signal.SIGSTOP)
    serving.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    assert serving.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < 10  # a first one alone takes 15
    assert has_ended(hanging)


@pytest.mark.anyio
async def test_sigterm_lets_running_answers_of_all_workers_end(filled: Shell) -> None:
    async with open_stubs() as stubs:
        settings = {
            "ASKD_WORKERS": "2",
            "ASKD_SLOTS": "16",
            "ASKD_ELASTICSEARCH_URL": stubs.elasticsearch_url,
            "ASKD_OLLAMA_URL": stubs.ollama_url,
            "ASKD_MODEL": MODEL,
        }
        with filled.serving(settings) as server:
            pids = await asyncio.to_thread(started, server, 2)
            await asyncio.to_thread(server.wait_until_ready)
            idle = [_sockets(pid) for pid in pids]
            stubs.begin(Pace(first_token=2.0, tokens=5))
            callers = [Caller(server.url) for _ in range(16)]
            asked = [
                asyncio.create_task(
                    caller.post("/ask", {"question": f"{stubs.question} {number}", "mode": "generate"})
                )
                for number, caller in enumerate(callers)
            ]
            while stubs.ollama.counts.begun < len(asked):
                await asyncio.sleep(0.05)
            busy = [_sockets(pid) for pid in pids]
            status = asyncio.create_task(asyncio.to_thread(server.stop, signal.SIGTERM))
            replies = await asyncio.gather(*asked)
            for caller in callers:
                caller.close()
            assert all(now > before for now, before in zip(busy, idle, strict=True)), (idle, busy)
            assert [reply.status for reply in replies] == [200] * len(asked)
            assert await status == 0


def _sockets(pid: int) -> int:
    return sum(os.readlink(link).startswith("socket:") for link in Path(f"/proc/{pid}/fd").iterdir())
