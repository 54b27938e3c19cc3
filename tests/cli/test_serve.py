"""`askd serve` as a process: from its start to the signal that ends it."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Server, Shell
from tests.support.faq import JOIN

LATE = "Is it possible to join the course at any time?"


@pytest.fixture
def embedded(gguf: Path) -> dict[str, str | Path]:
    # One thread: where others compute, too, llama.cpp's wait for each other.
    return {"ASKD_MODEL": gguf, "ASKD_NUM_THREAD": "1"}


@pytest.fixture
def serving(filled: Shell) -> Iterator[Server]:
    """Over the FAQ, without a model."""
    with filled.serving() as server:
        yield server


def test_it_answers_with_the_embedded_model_and_ends_on_sigterm(
    filled: Shell, embedded: dict[str, str | Path]
) -> None:
    with filled.serving(embedded) as server:
        assert server.get("/livez").json() == {"live": True}
        server.wait_until_ready()
        answer = server.post("/ask", {"question": LATE, "limit": 1, "mode": "generate"}).json()
        assert (answer["status"], answer["origin"]) == ("answered", "quoted")
        assert answer["sources"][0]["cited"]
        assert server.stop(signal.SIGTERM) == 0


def test_sigterm_does_not_wait_for_a_model_that_loads(
    filled: Shell, embedded: dict[str, str | Path], tmp_path: Path
) -> None:
    slow = tmp_path / "slow" / "xllamacpp.py"
    slow.parent.mkdir()
    slow.write_text("import time\ntime.sleep(300)\n")
    with filled.serving({**embedded, "PYTHONPATH": slow.parent}) as server:
        assert "loading" in server.get("/readyz").text
        started = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 5


def test_without_model_it_says_what_is_missing_and_ends_on_sigterm(serving: Server) -> None:
    readiness = serving.get("/readyz")
    assert readiness.status_code == 503
    assert [item.partition(":")[0] for item in readiness.json()["missing"]] == ["model"]
    assert serving.stop(signal.SIGTERM) == 0


def test_ctrl_c_ends_it_as_it_ends_every_command(serving: Server) -> None:
    assert serving.stop(signal.SIGINT) == 130


def test_the_command_line_says_in_json_what_the_service_says(serving: Server, filled: Shell) -> None:
    asked = {"question": LATE, "collection": "course", "limit": 2}
    options = [LATE, "--collection", "course", "--limit", "2", "--json"]
    found = serving.post("/search", asked).json()
    quoted = serving.post("/ask", {**asked, "mode": "extract"}).json()

    assert quoted["answer"] == JOIN.answer
    assert _steady(filled("search", *options).json) == _steady(found)
    assert _steady(filled("ask", *options, "--mode", "extract").json) == _steady(quoted)


def _steady(body: dict[str, Any]) -> dict[str, Any]:
    return {
        **body,
        "timings_ms": {name: value is None for name, value in body["timings_ms"].items()},
        "request_id": None,
        "feedback_token": None,
    }


def test_it_serves_a_new_version_as_soon_as_ingest_has_ended(
    serving: Server, filled: Shell, tmp_path: Path
) -> None:
    tea = {"id": "tea", "collection": "kitchen", "question": "Where is the tea?", "answer": "In the tin."}
    (tmp_path / "tea.json").write_text(json.dumps([tea]))
    old = serving.get("/collections").json()

    version = filled("ingest", "tea.json", "--json").json["version"]

    new = serving.get("/collections").json()
    assert old["index"]["version"] != version == new["index"]["version"]
    assert new["collections"] == [{"name": "kitchen", "entries": 1}]
    assert serving.post("/search", {"question": "tea"}).json()["hits"][0]["answer"] == "In the tin."


def test_it_starts_where_kubernetes_announces_a_service_named_askd(filled: Shell) -> None:
    announced = {
        "ASKD_SERVICE_HOST": "10.0.0.1",
        "ASKD_SERVICE_PORT": "8000",
        "ASKD_PORT": "tcp://10.0.0.1:8000",
        "ASKD_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "ASKD_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    with filled.serving(announced) as server:
        assert server.get("/livez").status_code == 200
