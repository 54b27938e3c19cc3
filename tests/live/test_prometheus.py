"""A real Prometheus with the configuration, the alerts and the dashboard that askd ships."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.serving import Chosen, Service, serving, settings_of
from tests.live.tcp_proxy import nobodys_url
from tests.support.checkout import ROOT
from tests.support.servers import prometheus_programs

pytestmark = [pytest.mark.anyio, pytest.mark.live]

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
PARAPHRASE = "How can I shut the service down cleanly?"
METRIC = re.compile(r"\b(?:askd|process)_[a-z_]+\b")


@pytest.fixture(scope="module")
def programs() -> Path:
    return prometheus_programs()


@pytest.fixture(scope="module")
async def service(embedded_index: Chosen, ollama_model: Chosen) -> AsyncIterator[Service]:
    async with serving(settings_of(embedded_index, ollama_model, {"cache_entries": 10})) as service:
        await service.ready()
        yield service


@pytest.fixture(scope="module")
async def prometheus(
    programs: Path, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """It scrapes that service, each second."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    target = str(service.client.base_url).removeprefix("http://")
    for shipped, ours in [("127.0.0.1:8000", target), ("15s", "1s"), ("- alerts.yml", f"- {RULES}")]:
        assert shipped in config
        config = config.replace(shipped, ours)
    (folder / "prometheus.yml").write_text(config)
    port = httpx.URL(nobodys_url()).port
    with _running(programs, folder, port or 0):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await _until_ready(client)
            yield client


@contextmanager
def _running(programs: Path, folder: Path, port: int) -> Iterator[None]:
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([programs / "prometheus", *options], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("/-/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _value(prometheus: httpx.AsyncClient, query: str) -> float | None:
    response = await prometheus.get("/api/v1/query", params={"query": query})
    result = response.json()["data"]["result"]
    return float(result[0]["value"][1]) if result else None


async def _scraped(prometheus: httpx.AsyncClient, query: str, expected: float) -> None:
    value = None
    for _ in range(100):
        value = await _value(prometheus, query)
        if value == expected:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"{query} is {value}, not {expected}")


async def test_what_prometheus_scrapes_is_what_the_callers_count(
    service: Service, prometheus: httpx.AsyncClient
) -> None:
    generated = await service.ask(PARAPHRASE, mode="generate")
    again = await service.ask(PARAPHRASE, mode="generate")
    assert again["cached"]
    for _ in range(3):
        await service.ask("Can I run askd without Docker?", mode="extract", limit=1)
    declined = await service.ask("How do I water my tomatoes in summer?")
    assert declined["status"] == "no_answer"
    assert (await service.client.post("/ask", json={"question": "x", "collection": "no"})).status_code == 404
    assert (await service.client.post("/ask", json={})).status_code == 422
    assert (await service.client.get("/nothing/here")).status_code == 404
    stream = await service.stream(PARAPHRASE, mode="generate", limit=2)

    written = generated["usage"], stream[-1][1]["usage"]
    expected = {
        'askd_requests_total{route="/ask", status="200"}': 6,
        'askd_requests_total{route="/ask/stream", status="200"}': 1,
        'askd_requests_total{route="/ask", problem="unknown-collection", status="404"}': 1,
        'askd_requests_total{route="/ask", problem="invalid-request"}': 1,
        'askd_requests_total{route="other", problem="not-found"}': 1,
        'askd_answers_total{origin="quoted", cached="false"}': 2,
        'sum(askd_answers_total{cached="true"})': 3,  # the quoted one once, the extracted one twice
        'askd_answers_total{status="no_answer"}': 1,
        "askd_prompt_tokens_total": sum(usage["prompt_tokens"] for usage in written),
        "askd_completion_tokens_total": sum(usage["completion_tokens"] for usage in written),
        "askd_first_token_seconds_count": 2,
        "askd_retrieval_seconds_count": 4,
        'askd_request_seconds_count{route="/ask"}': 8,
        "askd_cache_entries": 4,
        "askd_model_loaded": 1,
        'askd_breaker_state{backend="model"}': 0,
        'askd_model_memory_bytes{where="gpu"}': 0,
    }
    for query, value in expected.items():
        await _scraped(prometheus, query, value)
    assert (await _value(prometheus, 'askd_model_memory_bytes{where="cpu"}') or 0) > 50e6


async def test_a_caller_who_hangs_up_is_counted(service: Service, prometheus: httpx.AsyncClient) -> None:
    async with service.calling("/ask", question=PARAPHRASE, mode="generate", limit=3):
        while not service.assistant.pipeline.admission.serving:
            await asyncio.sleep(0.01)
    await _scraped(prometheus, 'askd_cancellations_total{route="/ask"}', 1)
    await _scraped(prometheus, "askd_slots_serving", 0)


async def test_the_alerts_are_loaded_and_none_of_them_is_in_error(prometheus: httpx.AsyncClient) -> None:
    await _scraped(prometheus, "up", 1)
    await asyncio.sleep(1.5)  # each is evaluated once a second
    groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == RULES.read_text().count("- alert:")
    assert {rule["name"]: rule["health"] for rule in rules} == {rule["name"]: "ok" for rule in rules}


async def test_every_metric_of_dashboard_and_alerts_exists(service: Service) -> None:
    exposed = (await service.client.get("/metrics")).text
    known = set(re.findall(r"^# TYPE (\w+)", exposed, re.MULTILINE)) | set(METRIC.findall(exposed))
    asked = {name for expression in _dashboard() for name in METRIC.findall(expression)}
    asked |= set(METRIC.findall(re.sub(r"(summary|action):.*", "", RULES.read_text())))
    assert asked
    assert asked <= known


async def test_the_expressions_of_the_dashboard_are_valid(prometheus: httpx.AsyncClient) -> None:
    for expression in _dashboard():
        query = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
        response = await prometheus.get("/api/v1/query", params={"query": query})
        assert response.status_code == 200, response.text


def test_every_alert_fires_as_its_own_tests_say(programs: Path) -> None:
    done = subprocess.run(
        [programs / "promtool", "test", "rules", "alerts_test.yml"],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tested = (RULES.parent / "alerts_test.yml").read_text()
    for alert in re.findall(r"- alert: (\w+)", RULES.read_text()):
        assert f"alertname: {alert}\n        exp_alerts:" in tested, f"{alert} is never seen to fire"


def _dashboard() -> list[str]:
    board: dict[str, Any] = json.loads((DEPLOY / "grafana" / "askd.json").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]
