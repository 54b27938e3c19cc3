"""Three askd behind a proxy, started as docs/docker.md says. As root, on Linux."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.conftest import built_ollama
from tests.stack.engine import inspect
from tests.stack.stack import Stack, checkout, free_port

__all__ = ["built_ollama"]

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]
QUESTION = "How do I put my own questions and answers into askd?"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, gguf: Path, built_ollama: None) -> Iterator[Stack]:
    folder = checkout(tmp_path_factory.mktemp("checkout"))
    stack = Stack(folder, free_port(), "askd-tests-scaled", {"ASKD_REPLICAS": "3"})
    stack.script("bake-models", "--from-gguf", str(gguf), "--name", "gemma:2b", "--licence", "LICENSE")
    try:
        stack.script("up")
        yield stack
    finally:
        stack.try_script("down", "--volumes")


def asked(stack: Stack) -> list[int]:
    """How many searches each replica has answered, by its log, which is on standard error."""
    logs = [
        subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True).stderr
        for container in stack.containers("askd")
    ]
    return [log.count('"path": "/search", "status": 200') for log in logs]


def wait_until_all_are_asked(stack: Stack, number: int) -> None:
    """Until so many replicas answer: the proxy looks every other second which are ready."""
    deadline = time.monotonic() + 120
    before = asked(stack)
    while sum(now > then for now, then in zip(asked(stack), before, strict=True)) < number:
        assert time.monotonic() < deadline, asked(stack)
        assert stack.post("/search", {"question": QUESTION}).status_code == 200


def test_the_replicas_share_the_work(stack: Stack) -> None:
    assert len(stack.containers("askd")) == 3
    wait_until_all_are_asked(stack, 3)
    answer = stack.post("/ask", {"question": QUESTION}).json()
    assert (answer["status"], answer["model"]) == ("answered", "gemma:2b")


def test_only_the_proxy_has_a_port_and_it_is_locked_down(stack: Stack) -> None:
    for container in stack.containers("askd"):
        assert not inspect(container)["HostConfig"]["PortBindings"]
    proxy = inspect(stack.container("proxy"))
    host = proxy["HostConfig"]
    assert host["PortBindings"] == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert inspect(proxy["Image"])["Config"]["User"] == "10001:10001"
    stack.wait_until_healthy("proxy")


def test_feedback_may_reach_another_replica_than_the_one_that_answered(stack: Stack) -> None:
    for _ in range(6):
        token = stack.post("/ask", {"question": QUESTION}).json()["feedback_token"]
        assert stack.post("/feedback", {"token": token, "helpful": True}).status_code == 200


def test_callers_do_not_notice_that_a_replica_is_killed(stack: Stack) -> None:
    victim = stack.containers("askd")[0]
    os.kill(int(inspect(victim)["State"]["Pid"]), signal.SIGKILL)
    statuses = [stack.post("/search", {"question": QUESTION}).status_code for _ in range(30)]
    assert statuses == [200] * 30
    wait_until_all_are_asked(stack, 3)


def test_up_again_changes_nothing_and_down_leaves_nothing(stack: Stack) -> None:
    before = stack.containers("askd"), stack.get("/collections").json()
    stack.script("up")
    assert (stack.containers("askd"), stack.get("/collections").json()) == before
    stack.script("down")
    assert not stack.containers("askd")
    assert not stack.containers("proxy")
