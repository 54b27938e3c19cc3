"""Questions and entries leave this machine and private networks only where that was allowed."""

import asyncio
import logging
import socket
from typing import Any

import pytest

from app.errors import BadSettings
from app.models.pool import ModelPool
from app.models.remote import remote_host
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.wiring import open_askd

pytestmark = pytest.mark.anyio


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Addresses of names; the others have none."""
    names: dict[str, list[str]] = {}

    async def getaddrinfo(self: object, host: str, port: object) -> list[tuple[Any, ...]]:
        if host not in names:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, 0)) for at in names[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return names


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "[::1]", "10.1.2.3", "172.16.0.1", "192.168.1.2", "169.254.1.1", "[fd00::1]",
        "[fe80::1%25eth0]", "[::ffff:10.0.0.1]", "100.64.0.1", "ollama", "localhost",
    ],
)  # fmt: skip
async def test_this_machine_and_private_networks_are_not_remote(host: str) -> None:
    assert await remote_host(f"http://{host}:8000/v1") is None


@pytest.mark.parametrize("host", ["8.8.8.8", "172.32.0.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]"])
async def test_public_addresses_are_remote(host: str) -> None:
    assert await remote_host(f"https://{host}/v1") == host.strip("[]")


async def test_a_name_is_what_all_its_addresses_are(resolved: dict[str, list[str]]) -> None:
    resolved |= {"llm.corp.example": ["10.0.0.7"], "api.example.com": ["10.0.0.7", "8.8.8.8"]}
    assert await remote_host("http://llm.corp.example/v1") is None
    assert await remote_host("https://api.example.com/v1") == "api.example.com"
    assert await remote_host("https://unknown.example.com/v1") == "unknown.example.com"


REMOTE = {"openai_url": "https://8.8.8.8/v1", "model": "openai:x"}


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, embedder="none", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (REMOTE, "ASKD_ALLOW_REMOTE_MODEL=true"),
        ({"ollama_url": ("http://127.0.0.1", "https://8.8.8.8")}, "ASKD_OLLAMA_URL: 8.8.8.8"),
        ({"ollama_url": "https://8.8.8.8"}, "ASKD_OLLAMA_URL: .*ASKD_ALLOW_REMOTE_MODEL=true"),
        (REMOTE | {"openai_url": "http://8.8.8.8/v1", "allow_remote_model": True}, "use https"),
    ],
)
async def test_a_remote_server_must_be_allowed_and_encrypted(values: dict[str, Any], told: str) -> None:
    with pytest.raises(BadSettings, match=told):
        async with open_askd(settings(**values)):
            pass


async def test_a_remote_server_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with open_askd(settings(**REMOTE, allow_remote_model=True)) as askd:
            assert askd.remote_model == "8.8.8.8"
    assert [vars(record)["host"] for record in caplog.records] == ["8.8.8.8"]
    async with open_askd(settings(ollama_url="http://127.0.0.1:11434")) as askd:
        assert askd.remote_model is None


async def test_several_servers_are_one_model_and_each_has_its_circuit_breaker() -> None:
    opened = settings(ollama_url="http://me:hunter2@127.0.0.1:11434,http://127.0.0.2:8080", slots=2)
    metrics = Metrics()
    async with open_askd(opened, metrics=metrics) as askd:
        assert isinstance(askd.llm, ModelPool)
        assert [member.server for member in askd.llm.members] == ["127.0.0.1:11434", "127.0.0.2:8080"]
        told = metrics.exposition().decode()
    assert 'askd_breaker_state{backend="model at 127.0.0.1:11434"} 0.0' in told
    assert "hunter2" not in told


async def test_servers_at_one_address_have_names_of_their_own() -> None:
    urls = "http://127.0.0.1:8000/a/v1,http://127.0.0.1:8000/b/v1"
    metrics = Metrics()
    async with open_askd(settings(openai_url=urls, model="x"), metrics=metrics) as askd:
        assert isinstance(askd.llm, ModelPool)
        assert [member.server for member in askd.llm.members] == ["127.0.0.1:8000", "127.0.0.1:8000#2"]
        told = metrics.exposition().decode()
    assert 'askd_breaker_state{backend="model at 127.0.0.1:8000#2"} 0.0' in told
