"""The stack as users run it. Needs a Docker engine; fails without one."""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.answering.writing_manner import writing_manner
from tests.stack.engine import docker, inspect
from tests.stack.stack import ONE_SHOTS, SERVICES, Stack

pytestmark = pytest.mark.timeout(600)  # the first who asks for the stack waits until it is up

QUESTION = "How do I put my own questions and answers into askd?"
NO_CAPABILITIES = "0000000000000000"


def secrets(stack: Stack) -> dict[str, str]:
    names = (
        "elastic_password",
        "askd_read_key",
        "askd_write_key",
        "askd_feedback_key",
        "askd_feedback_secret",
    )
    return {name: (stack.folder / "secrets" / name).read_text() for name in names}


def elasticsearch(stack: Stack, key: str, method: str, path: str) -> int:
    """The status of a request with an API key, from inside: there is no way in."""
    curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method]
    curl += ["-H", f"Authorization: ApiKey {key}", f"localhost:9200{path}"]
    return int(docker("exec", stack.container("elasticsearch"), *curl))


def test_the_baked_model_answers_from_elasticsearch(stack: Stack) -> None:
    response = stack.post("/ask", {"question": QUESTION})
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["status"], body["origin"], body["model"]) == ("answered", "quoted", "gemma:2b")
    assert body["sources"][0]["id"] == "ingest-own-faq"
    assert body["notices"] == []
    assert stack.get("/collections").json()["index"]["embedder"] == "bge-small-en-v1.5"


def test_it_says_in_which_memory_the_model_is(stack: Stack) -> None:
    assert stack.get("/readyz").json() == {
        "ready": True,
        "missing": [],
        "degraded": [],
        "model_memory": "cpu",
        "writing": str(writing_manner("auto", 135_000_000)),  # SmolLM2, whatever its tag
        "remote_model": None,
    }


# --- the audit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES + ONE_SHOTS)
def test_every_container_is_locked_down(stack: Stack, service: str) -> None:
    container = inspect(stack.container(service))
    host = container["HostConfig"]
    user = container["Config"]["User"] or inspect(container["Image"])["Config"]["User"]
    assert user.split(":")[0] not in ("", "0", "root")
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["NanoCpus"] > 0
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}


@pytest.mark.parametrize("service", SERVICES)
def test_the_kernel_says_so_too(stack: Stack, service: str) -> None:
    status = docker("exec", stack.container(service), "cat", "/proc/1/status")
    assert re.findall(r"^CapEff:\s+(\S+)$", status, re.MULTILINE) == [NO_CAPABILITIES]
    assert re.findall(r"^NoNewPrivs:\s+(\S+)$", status, re.MULTILINE) == ["1"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_server_is_healthy_by_its_own_check(stack: Stack, service: str) -> None:
    stack.wait_until_healthy(service)


def test_only_askd_has_a_port_and_only_on_loopback(stack: Stack) -> None:
    published = {
        service: inspect(stack.container(service))["HostConfig"]["PortBindings"]
        for service in SERVICES + ONE_SHOTS
    }
    assert published.pop("askd") == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}
    assert not any(published.values())


@pytest.mark.parametrize("service", [*(set(SERVICES) - {"askd"}), *ONE_SHOTS])
def test_the_servers_have_no_way_out(stack: Stack, service: str) -> None:
    networks = inspect(stack.container(service))["NetworkSettings"]["Networks"]
    assert [inspect_network(name)["Internal"] for name in networks] == [True]


def inspect_network(name: str) -> dict[str, Any]:
    (described,) = json.loads(docker("network", "inspect", name))
    assert isinstance(described, dict)
    return described


def test_no_secret_is_in_an_environment_or_an_image(stack: Stack) -> None:
    known = secrets(stack)
    assert all(len(value) > 20 for value in known.values())
    told = [docker("inspect", stack.container(service)) for service in SERVICES + ONE_SHOTS]
    told += [docker("history", "--no-trunc", image) for image in ("askd:0.2.0", "askd-ollama:0.2.0")]
    told += [docker("exec", stack.container(service), "cat", "/proc/1/environ") for service in SERVICES]
    told.append(stack.script("logs"))
    assert [name for name, value in known.items() for text in told if value in text] == []


def test_the_secrets_are_for_one_user_only(stack: Stack) -> None:
    for name in secrets(stack):
        found = (stack.folder / "secrets" / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, 1000)


def test_no_private_key_is_in_a_layer_of_ollamas_image(stack: Stack) -> None:
    command = 'docker save askd-ollama:0.2.0 | tar -x --to-command="tar -t 2>/dev/null || true" 2>/dev/null'
    listed = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    assert "manifests/registry.ollama.ai/library/gemma/2b" in listed
    assert [line for line in listed.splitlines() if "id_ed25519" in line] == []


def test_the_read_key_reads_askds_index_and_does_nothing_else(stack: Stack) -> None:
    key = secrets(stack)["askd_read_key"]
    assert elasticsearch(stack, key, "GET", "/askd/_search") == 200
    forbidden = [("DELETE", "/askd-x"), ("PUT", "/askd-x"), ("GET", "/other/_search"), ("GET", "/_nodes")]
    for method, path in forbidden:
        assert elasticsearch(stack, key, method, path) == 403, path


def test_the_write_key_writes_askds_indices_and_no_others(stack: Stack) -> None:
    key = secrets(stack)["askd_write_key"]
    assert elasticsearch(stack, key, "PUT", "/other") == 403
    assert elasticsearch(stack, key, "GET", "/.security/_search") == 403


def test_the_feedback_key_writes_its_own_indices_and_no_others(stack: Stack) -> None:
    answer = stack.post("/ask", {"question": QUESTION})
    verdict = {"token": answer.json()["feedback_token"], "helpful": True}
    assert stack.post("/feedback", verdict).status_code == 200

    key = secrets(stack)["askd_feedback_key"]
    assert elasticsearch(stack, key, "GET", "/askd-feedback-askd/_search") == 200
    forbidden = [("GET", "/askd/_search"), ("PUT", "/askd-x"), ("PUT", "/other")]
    for method, path in forbidden:
        assert elasticsearch(stack, key, method, path) == 403, path


# --- again and again -----------------------------------------------------------------------------


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = stack.get("/collections").json(), secrets(stack)
    assert stack.url in stack.script("up")
    assert (stack.get("/collections").json(), secrets(stack)) == before


def test_a_machine_without_gpu_is_told_and_the_gpu_file_is_valid(stack: Stack) -> None:
    started = stack.try_script("up")
    assert "the model runs on the CPU" in started.stderr
    files: list[str | Path] = [
        "-f",
        stack.folder / "docker-compose.yml",
        "-f",
        stack.folder / "docker-compose.gpu.yml",
    ]
    config = json.loads(docker("compose", *files, "config", "--format=json"))["services"]
    [device] = config["ollama"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert config["askd"]["environment"]["ASKD_GPU"] == "true"


def test_up_says_what_is_missing(stack: Stack) -> None:
    refused = stack.try_script("up", ASKD_MODEL="llama2")
    assert refused.returncode == 1
    assert "llama2 is not among the baked models (gemma:2b)" in refused.stderr
    refused = stack.try_script("up", ASKD_FAQ="./nowhere.json")
    assert (refused.returncode, "there is no ./nowhere.json" in refused.stderr) == (1, True)


def test_settings_reach_the_containers(stack: Stack) -> None:
    override = stack.folder / "docker-compose.override.yml"
    (stack.folder / ".env").write_text("ASKD_SLOTS=3\n")  # for askd outside of containers
    override.write_text("services: { askd: { environment: { ASKD_RATE_LIMIT: 1/hour } } }")
    try:
        stack.script("up", ASKD_SLOTS="2")
        assert {"ASKD_SLOTS=2", "ASKD_RATE_LIMIT=1/hour"} <= set(environment(stack, "askd"))
        assert "OLLAMA_NUM_PARALLEL=2" in environment(stack, "ollama")
        statuses = [stack.post("/search", {"question": QUESTION}).status_code for _ in range(2)]
    finally:
        override.unlink()
        stack.script("up")
    assert statuses == [200, 429]
    assert {"ASKD_SLOTS=1", "ASKD_OTLP_ENDPOINT="} <= set(environment(stack, "askd"))


def environment(stack: Stack, service: str) -> list[str]:
    said: list[str] = inspect(stack.container(service))["Config"]["Env"]
    return said


def test_a_faq_that_is_refused_leaves_the_old_one_serving(stack: Stack) -> None:
    before = stack.get("/collections").json()
    (stack.folder / "broken.json").write_text('[{"question": "Only half of it?"}]')
    refused = stack.try_script("up", ASKD_FAQ="./broken.json")
    told = "broken.json, no record with a question and an answer" in refused.stderr
    assert (refused.returncode, told) == (1, True), refused.stderr
    assert stack.get("/collections").json() == before


def test_a_new_faq_is_served_without_a_break(stack: Stack) -> None:
    (stack.folder / "mine.csv").write_text("question,answer,collection\nWhen is lunch?,At noon.,canteen\n")
    running = stack.container("askd")
    stack.script("up", ASKD_FAQ="./mine.csv")
    assert stack.post("/ask", {"question": "When is lunch?"}).json()["answer"] == "At noon."
    assert stack.container("askd") == running
    stack.script("up")  # without ASKD_FAQ again: the user's own is not replaced by the sample
    assert [found["name"] for found in stack.get("/collections").json()["collections"]] == ["canteen"]
