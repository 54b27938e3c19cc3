"""The real servers of the live tests and the model file, found or started when a session first needs them.

A URL in ASKD_TEST_ELASTICSEARCH_URL or ASKD_TEST_OLLAMA_URL wins. Else a Docker engine that has the
official image runs it, else `tools/ci/services` does. What cannot be had fails the test: none is skipped.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest
from platformdirs import user_cache_path

from app.embedders import catalogue as embedder_files
from app.models import catalogue as model_files
from tests.support.checkout import ROOT


@dataclass(frozen=True)
class Image:
    """An official image, and how to run it for tests."""

    name: str
    port: int
    health: str  # answers 200 once the server is ready
    environment: Mapping[str, str] = field(hash=False)


IMAGES = {
    "elasticsearch": Image(
        "elasticsearch:9.4.3",
        9200,
        "/_cluster/health?wait_for_status=yellow&timeout=1s",
        {
            "discovery.type": "single-node",
            "xpack.security.enabled": "false",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1",
        },
    ),
    "ollama": Image(
        "ollama/ollama:0.34.4",
        11434,
        "/api/version",
        {
            "OLLAMA_NO_CLOUD": "1",
            "OLLAMA_NUM_PARALLEL": "1",
            "OLLAMA_MAX_LOADED_MODELS": "1",
            "OLLAMA_KEEP_ALIVE": "-1",
        },
    ),
}
MODEL = "smollm2"  # the tag under which the live Ollama has SmolLM2-135M-Instruct
_CI = ROOT / "tools" / "ci"
_SERVICES = _CI / "services"
_PROMETHEUS = _CI / "prometheus"
_USED = pytest.StashKey[list[str]]()


# --- fixtures ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def gguf() -> Path:
    return cached_gguf()


@pytest.fixture(scope="session")
def embedders() -> Path:
    """The directory with the embedders that askd knows and that an archive of a package registry has."""
    return cached_embedders()


@pytest.fixture(scope="session")
def elasticsearch_url(pytestconfig: pytest.Config) -> Iterator[str]:
    with _server("elasticsearch") as url:
        _note(pytestconfig, f"Elasticsearch {elasticsearch_version(url)} at {url}")
        yield url


@pytest.fixture(scope="session")
def ollama_url(pytestconfig: pytest.Config, gguf: Path) -> Iterator[str]:
    """An Ollama that has the model `smollm2`."""
    with _server("ollama") as url:
        put_model(url, gguf)
        _note(pytestconfig, f"Ollama {ollama_version(url)} at {url}")
        yield url


def _note(config: pytest.Config, server: str) -> None:
    config.stash.setdefault(_USED, []).append(server)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what the live tests ran against."""
    passed = [report for report in terminalreporter.getreports("passed") if "live" in report.keywords]
    if used := config.stash.get(_USED, []):
        terminalreporter.write_line(f"live tests: {len(passed)} passed, with {' and '.join(used)}")


# --- what scripts/test and tools/ci/services call, too --------------------------------------------


def services_needed() -> list[str]:
    """The servers that only `tools/ci/services` can bring: no URL is given, and Docker has no image."""
    return [name for name, image in IMAGES.items() if not _given_url(name) and not _docker_has(image)]


def cached_gguf() -> Path:
    """SmolLM2-135M-Instruct; downloaded once for all checkouts."""
    return model_files.pull("smollm2-135m-instruct", _models(), lambda _: None)


def cached_embedders() -> Path:
    """The directory of both embedders; downloaded once for all checkouts."""
    for name in [name for name, known in embedder_files.KNOWN.items() if known.artifact]:
        embedder_files.pull(name, _models(), lambda _: None)
    return _models()


def prometheus_programs() -> Path:
    """The folder with prometheus and promtool; downloaded once for all checkouts."""
    folder = user_cache_path("askd", appauthor=False) / "services" / "prometheus"
    done = subprocess.run([_PROMETHEUS, folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"tools/ci/prometheus failed:\n{done.stderr[-4000:]}", pytrace=False)
    return Path(done.stdout.strip())


def _models() -> Path:
    return user_cache_path("askd", appauthor=False) / "models"


def put_model(url: str, gguf: Path) -> None:
    """Make the Ollama at `url` have the model `smollm2`, wherever it runs."""
    with ollama.Client(host=url, timeout=120, trust_env=False) as client:
        if f"{MODEL}:latest" not in {model.model for model in client.list().models}:
            client.create(MODEL, files={gguf.name: client.create_blob(gguf)})


def elasticsearch_version(url: str) -> str:
    version: str = _get(url)["version"]["number"]
    return version


def ollama_version(url: str) -> str:
    version: str = _get(f"{url}/api/version")["version"]
    return version


# --- one server --------------------------------------------------------------------------------


@contextmanager
def _server(name: str) -> Iterator[str]:
    if url := _given_url(name):
        yield url
    elif _docker_has(IMAGES[name]):
        with _container(IMAGES[name]) as url:
            yield url
    else:
        with _service(name) as url:
            yield url


def _given_url(name: str) -> str | None:
    return os.environ.get(f"ASKD_TEST_{name.upper()}_URL")


@cache
def _docker_has(image: Image) -> bool:
    """Whether a Docker engine is at hand and holds the official image, or can pull it."""
    if shutil.which("docker") is None:
        return False
    # By its command: where no engine answers, the Docker SDK leaks a socket, which is an error in a test.
    label = ["--format", '{{index .Config.Labels "askd.stand-in"}}']
    here = subprocess.run(["docker", "image", "inspect", *label, image.name], capture_output=True, text=True)
    if here.returncode == 0:
        return here.stdout.strip() == ""  # tools/ci/images/build makes stand-ins where it cannot be pulled
    return subprocess.run(["docker", "pull", image.name], capture_output=True).returncode == 0


@contextmanager
def _container(image: Image) -> Iterator[str]:
    # Read on import. Ryuk, which would clean up after a crash, is one more image to pull.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    # Not the ready-made classes of testcontainers.community: Ollama's still waits in a deprecated way.
    container = DockerContainer(image.name, ports=[image.port], env=dict(image.environment))
    container.waiting_for(HttpWaitStrategy(image.port, image.health).with_startup_timeout(150))
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(image.port)}"


@contextmanager
def _service(name: str) -> Iterator[str]:
    """Started by `tools/ci/services`, and stopped afterwards unless it ran before."""
    ran_before = _services("status", name).returncode == 0
    started = _services("start", name)
    if started.returncode != 0:
        pytest.fail(f"tools/ci/services could not start {name}:\n{started.stderr[-4000:]}", pytrace=False)
    yield started.stdout.strip().partition("=")[2]
    if not ran_before:
        _services("stop", name)


def _services(command: str, name: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    return subprocess.run([_SERVICES, command, name], env=environment, capture_output=True, text=True)


def _get(url: str) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(url, timeout=10, trust_env=False).raise_for_status().json()
    return body
