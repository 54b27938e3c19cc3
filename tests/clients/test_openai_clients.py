"""Programs that speak OpenAI's API, unmodified, against `askd serve`."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Server
from tests.clients.conftest import PROGRAMS, run
from tests.support.faq import FAQ, JOIN

MARKED = f"{JOIN.answer} [1]"


@pytest.fixture(scope="module")
def said(python: Path, server: Server) -> dict[str, dict[str, object]]:
    printed = run(python, PROGRAMS / "openai_clients.py", server.url, JOIN.question)
    return {line["name"]: line for line in map(json.loads, printed.splitlines())}


@pytest.mark.timeout(600)
def test_openai_s_own_client(said: dict[str, dict[str, object]]) -> None:
    assert (said["sync"]["text"], said["sync"]["status"]) == (MARKED, "answered")
    assert (said["stream"]["text"], said["stream"]["usage"]) == (MARKED, True)
    assert said["stream"]["events"] == len(FAQ)
    assert said["stream helper"]["text"] == said["async"]["text"] == MARKED
    assert said["async"]["models"] == ["askd", "askd/course", "askd/tools"]
    assert said["error"]["code"] == "model_not_found"


@pytest.mark.timeout(600)
def test_langchain_shows_the_sources_in_the_text(said: dict[str, dict[str, object]]) -> None:
    expected = f"{MARKED}\n\nSources:\n[1] {JOIN.question}"
    assert (said["langchain"]["text"], said["langchain stream"]["text"]) == (expected, expected)


@pytest.mark.timeout(600)
def test_the_llm_command(python: Path, server: Server, tmp_path: Path) -> None:
    model = {"model_id": "faq", "model_name": "askd", "api_base": f"{server.url}/v1", "api_key_name": "askd"}
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps([model]))
    (tmp_path / "keys.json").write_text('{"askd": "none"}')
    env = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
    command: list[str | Path] = [python.with_name("llm"), "--no-log", "--model", "faq", JOIN.question]
    ended = subprocess.run(command, capture_output=True, timeout=120, check=True, env=env)
    assert ended.stdout.decode().strip() == MARKED
