"""The compose stack when things go wrong: kills, restarts, a new FAQ, no network. As root, on Linux."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.stack.conftest import stack
from tests.stack.engine import docker
from tests.stack.stack import SERVICES, Stack
from tests.support.checkout import ROOT

__all__ = ["stack"]

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]
HTTP = (ROOT / "docs" / "http.md").read_text()
DOCUMENTED = {
    (name, int(status))
    for name, status in re.findall(r"^\| `(/problems/[a-z-]+)` \| (\d+) ", HTTP, re.MULTILINE)
}
QUESTIONS = (
    "How do I put my own questions and answers into askd?",
    "What does askd reply when the FAQ does not contain what somebody asked?",
    "Is Mistral 7B a sensible choice here?",
)


class Client:
    """Asks again and again until it is told to stop, and keeps what came."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._over = threading.Event()
        self.responses: list[httpx.Response] = []
        self.refused = 0  # connections, while askd itself is away
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            question = f"{QUESTIONS[number % len(QUESTIONS)]} ({number})"
            try:
                self.responses.append(self._stack.post("/ask", {"question": question}, timeout=150))
            except httpx.TransportError:
                self.refused += 1
                time.sleep(0.1)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def check_responses(responses: Sequence[httpx.Response]) -> Counter[str]:
    """Each is a full answer or a documented problem; how many of which there were."""
    kinds = Counter[str]()
    for response in responses:
        body: dict[str, Any] = response.json()
        if response.status_code == 200:
            assert body["status"] in ("answered", "no_answer")
            assert body["answer"]
            assert body["sources"]
            kinds[f"{body['origin']}{''.join(' ' + notice['code'] for notice in body['notices'])}"] += 1
        else:
            assert response.headers["content-type"] == "application/problem+json"
            assert (body["type"], response.status_code) in DOCUMENTED
            kinds[body["type"]] += 1
    return kinds


def wait_for_an_answer(stack: Stack) -> float:
    """Seconds until a question is answered by the model again."""
    began = time.monotonic()
    while time.monotonic() - began < 180:
        try:
            response = stack.post("/ask", {"question": f"{QUESTIONS[0]} ({began})"})
        except httpx.TransportError:
            response = None
        if response is not None and response.status_code == 200 and response.json()["origin"] == "generated":
            return time.monotonic() - began
        time.sleep(0.2)
    pytest.fail("no answer for three minutes")


def index(stack: Stack) -> dict[str, Any]:
    body: dict[str, Any] = stack.get("/collections").json()
    return body


@pytest.mark.parametrize("service", SERVICES)
def test_a_kill_is_survived(stack: Stack, service: str) -> None:
    before = index(stack)
    with Client(stack) as client:
        time.sleep(5)
        # By its pid: `docker kill` would tell the engine not to start it again.
        os.kill(stack.pid(service), signal.SIGKILL)
        time.sleep(1)
        away = wait_for_an_answer(stack)
        time.sleep(5)
    kinds = check_responses(client.responses)
    assert client.refused == 0 or service == "askd"
    assert index(stack) == before
    stack.wait_until_healthy(service)
    print(f"kill -9 of {service}: answers again after {away:.1f} s; {dict(kinds)}, {client.refused} refused")


@pytest.mark.parametrize("service", SERVICES)
def test_a_restart_is_survived(stack: Stack, service: str) -> None:
    before = index(stack)
    with Client(stack) as client:
        time.sleep(2)
        docker("restart", stack.container(service))
        away = wait_for_an_answer(stack)
    kinds = check_responses(client.responses)
    assert index(stack) == before
    print(f"restart of {service}: answers again after {away:.1f} s; {dict(kinds)}, {client.refused} refused")


def test_a_new_faq_takes_over_under_load(stack: Stack) -> None:
    before = index(stack)["index"]["version"]
    entries = json.loads((stack.folder / "app" / "sample" / "faq.json").read_text())
    entries.append(
        {"id": "canteen", "collection": "askd", "question": "When is the canteen open?", "answer": "At noon."}
    )
    (stack.folder / "my-faq.json").write_text(json.dumps(entries))
    with Client(stack) as client:
        stack.script("up", ASKD_FAQ="./my-faq.json")
        time.sleep(2)
        answer = stack.post("/ask", {"question": "When is the canteen open?"}).json()
    assert (answer["answer"], index(stack)["index"]["version"] != before) == ("At noon.", True)
    kinds = check_responses(client.responses)
    assert client.refused == 0
    assert not [kind for kind in kinds if kind.startswith("/problems/")]
    print(f"a new FAQ under load: {dict(kinds)}")

    # Without ASKD_FAQ again: the user's own is not replaced by the sample.
    version = index(stack)["index"]["version"]
    stack.script("up")
    assert index(stack)["index"]["version"] == version


@contextmanager
def cut_off(stack: Stack) -> Iterator[list[str]]:
    """No container gets a packet out of its network; yields the rules, whose counters tell who tried."""
    names = docker("network", "ls", "--filter=label=com.docker.compose.project=askd-tests", "-q").split()
    networks = json.loads(docker("network", "inspect", *names))
    subnets = [config["Subnet"] for network in networks for config in network["IPAM"]["Config"]]
    rules = [["FORWARD", "-s", subnet, "!", "-d", subnet, "-j", "DROP"] for subnet in subnets]
    for rule in rules:
        subprocess.run(["iptables", "-w", "-I", *rule], check=True)
    try:
        yield subnets
    finally:
        for rule in rules:
            subprocess.run(["iptables", "-w", "-D", *rule], check=True)


def tried_to_leave(subnets: Sequence[str]) -> int:
    """Packets that the rules met."""
    told = subprocess.run(
        ["iptables", "-w", "-L", "FORWARD", "-v", "-x", "-n"], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split() for line in told.splitlines() if " DROP " in line]
    return sum(int(row[0]) for row in rows if row[7] in subnets)


def test_without_network_it_comes_up_and_answers_and_nothing_tries_to_leave(stack: Stack) -> None:
    with cut_off(stack) as subnets:
        for service in SERVICES:
            docker("restart", stack.container(service))
        wait_for_an_answer(stack)
        for number in range(5):
            assert stack.post("/ask", {"question": f"{QUESTIONS[number % 3]} [{number}]"}).status_code == 200
        assert tried_to_leave(subnets) == 0
        # The trap works: whoever does try is counted.
        subprocess.run(
            ["docker", "exec", stack.container("askd"), "python", "-c", _KNOCK],
            check=False,
            capture_output=True,
        )
        assert tried_to_leave(subnets) > 0


_KNOCK = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"  # TEST-NET-1: nobody's


def test_down_and_up_keeps_the_index(stack: Stack) -> None:
    before = index(stack)
    stack.script("down")
    began = time.monotonic()
    stack.script("up")
    print(f"up again after {time.monotonic() - began:.1f} s")
    assert index(stack) == before
    wait_for_an_answer(stack)
