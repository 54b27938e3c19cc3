"""askd's own image: what is in it, and how it runs alone. Needs a Docker engine; fails without one."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import httpx
import pytest

from tests.stack.engine import ROOT, build_image, docker, inspect
from tests.support.collector import MemoryCollector
from tests.support.served import served

IMAGE = "askd:tests"
BASE = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0]
LOCKED_DOWN = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
ON_THE_HOST = {"ASKD_HOST": "127.0.0.1", "ASKD_PORT": "0"}
INDEX = "--tmpfs=/var/lib/askd/index:uid=10001,gid=10001,mode=0700"


@pytest.fixture(scope="module")
def image() -> dict[str, Any]:
    """As `docker image inspect` shows it."""
    build_image(IMAGE)
    return inspect(IMAGE)


def shell(script: str, *options: str) -> str:
    """What a shell script prints in a new container."""
    return docker("run", "--rm", "--entrypoint=sh", *options, IMAGE, "-c", script)


@contextmanager
def running(*options: str) -> Iterator[str]:
    """A container of the image; yields its id."""
    container = docker("run", "--detach", *options, IMAGE).strip()
    try:
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


def environment(settings: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in settings.items()]


def listening(container: str) -> str:
    """Its URL, by a port of its own choice on the host's network; once it answers."""
    deadline = time.monotonic() + 60
    while not (told := [line for line in map(json.loads, logs(container).splitlines()) if "port" in line]):
        assert time.monotonic() < deadline, logs(container)
        time.sleep(0.1)
    url = f"http://127.0.0.1:{told[0]['port']}"
    wait_until_live(url)
    return url


def wait_until_live(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/livez", timeout=10, trust_env=False).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.1)
        else:
            return


def test_it_serves_as_an_unprivileged_user_and_says_what_it_is(image: dict[str, Any]) -> None:
    config = image["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (["askd"], ["serve"])
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert not config.get("Volumes")
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert (labels["title"], labels["version"], labels["licenses"]) == ("askd", version("askd"), "Apache-2.0")
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?", labels["revision"])
    assert docker("run", "--rm", IMAGE, "--version") == f"askd {version('askd')}\n"


def test_it_adds_no_more_than_270_mb_to_its_base(image: dict[str, Any]) -> None:
    assert image["Size"] - inspect(BASE)["Size"] <= 270_000_000


@pytest.mark.usefixtures("image")
def test_nothing_of_its_making_is_left_in_it() -> None:
    assert shell("for name in gcc g++ cc ld strip make; do command -v $name; done; true") == ""
    traces = [
        "*/pip/http*",
        "/build",
        "/var/cache/pip",
        "/run/secrets/*",
        "*/pip.conf",
        "/var/lib/apt/lists/*_*",
    ]
    tests = " -o ".join(f"-path '{trace}'" for trace in traces)
    assert shell(rf"find / -xdev \( {tests} \) -print", "--user=0") == ""


@pytest.mark.usefixtures("image")
def test_its_packages_fit_each_other_and_bring_no_language_model() -> None:
    assert "No broken requirements" in shell("pip --python /opt/askd/bin/python check")
    find = "import importlib.util as u; print([n for n in ('torch', 'xllamacpp', 'pip') if u.find_spec(n)])"
    assert docker("run", "--rm", "--entrypoint=python", IMAGE, "-c", find) == "[]\n"


@pytest.mark.usefixtures("image")
def test_only_its_index_and_its_cache_can_be_written() -> None:
    writable = shell("find /opt /var/lib /etc /usr -xdev -writable ! -type l 2>/dev/null; true")
    assert writable.split() == ["/var/lib/askd/cache", "/var/lib/askd/index"]


def test_no_secret_is_in_its_history_or_its_environment(image: dict[str, Any]) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    told = "\n".join([history, *image["Config"]["Env"]])
    assert "COPY" in told
    assert "PATH=" in told
    assert re.findall(r"(?i)password|passwd|token|api_?key|://|pip_", told) == []


@pytest.mark.usefixtures("image")
def test_it_works_read_only_with_an_index_of_its_own() -> None:
    faq = f"--volume={ROOT}/app/sample/faq.json:/faq.json:ro"
    with running(*LOCKED_DOWN, INDEX, faq, "--publish=127.0.0.1::8000") as container:
        url = f"http://{docker('port', container, '8000/tcp').split()[0]}"
        wait_until_live(url)
        docker("exec", container, "askd", "ingest", "/faq.json")
        question = "How do I load my own FAQ into askd?"
        found = httpx.post(f"{url}/search", json={"question": question}, timeout=60, trust_env=False).json()
        assert (found["hits"][0]["question"], found["notices"]) == (question, [])
        assert found["hits"][0]["semantic"] > 0.5  # by the embedder that is in the image
        body = {"question": question, "mode": "extract"}
        answer = httpx.post(f"{url}/ask", json=body, timeout=60, trust_env=False).json()
        assert (answer["status"], answer["origin"]) == ("answered", "extracted")
        tools = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        accepted = {"Accept": "application/json, text/event-stream"}
        told = httpx.post(f"{url}/mcp", json=tools, headers=accepted, timeout=60, trust_env=False)
        assert (told.status_code, "list_collections" in told.text) == (200, True)

        deadline = time.monotonic() + 60
        while inspect(container)["State"]["Health"]["Status"] != "healthy":
            assert time.monotonic() < deadline, inspect(container)["State"]["Health"]
            time.sleep(0.5)
        docker("stop", container)
        assert inspect(container)["State"]["ExitCode"] == 0
        assert "Traceback" not in logs(container)


@pytest.mark.usefixtures("image")
def test_the_health_check_fails_where_nobody_answers() -> None:
    (test,) = [inspect(IMAGE)["Config"]["Healthcheck"]["Test"]]
    assert test[0] == "CMD"
    command = ["docker", "run", "--rm", "--network=none", f"--entrypoint={test[1]}", IMAGE, *test[2:]]
    assert subprocess.run(command, capture_output=True).returncode == 1


@pytest.mark.anyio
@pytest.mark.usefixtures("image")
async def test_it_sends_traces() -> None:
    collector = MemoryCollector()
    async with served(collector) as receiver:
        settings = {**ON_THE_HOST, "ASKD_OTLP_ENDPOINT": str(receiver.base_url)}
        with running(*LOCKED_DOWN, "--network=host", *environment(settings)) as container:
            url = await asyncio.to_thread(listening, container)
            async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
                assert (await client.post("/search", json={"question": "Is it?"})).status_code == 503
            async with asyncio.timeout(60):
                while "POST /search" not in {span.name for span in collector.spans}:
                    await asyncio.sleep(0.1)
    assert {span.name for span in collector.spans} == {"POST /search", "retrieve"}


@pytest.mark.live
@pytest.mark.usefixtures("image")
def test_idle_it_needs_no_more_than_125_mb(elasticsearch_url: str, ollama_url: str) -> None:
    settings = {
        **ON_THE_HOST,
        "ASKD_EMBEDDER": "none",
        "ASKD_ELASTICSEARCH_URL": elasticsearch_url,
        "ASKD_OLLAMA_URL": ollama_url,
        "ASKD_MODEL": "smollm2",
    }
    with running(*LOCKED_DOWN, "--network=host", *environment(settings)) as container:
        deadline = time.monotonic() + 120
        while '"the model is loaded"' not in logs(container):
            assert time.monotonic() < deadline, logs(container)
            time.sleep(0.2)
        listening(container)
        status = docker("exec", container, "cat", "/proc/1/status")
        resident = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024
    assert resident <= 125_000_000


def logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return done.stderr
