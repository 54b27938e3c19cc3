"""Clients in daily use, against `askd serve`: each sends requests in its own way, and gets an answer."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.shell import Server
from tests.clients.conftest import PROGRAMS, run
from tests.support.faq import JOIN

BODY = json.dumps({"question": "Is it possible to join the course at any time?", "mode": "extract"})
CURL = ["curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]
JSON = ["--header", "Content-Type: application/json"]


@pytest.mark.parametrize(
    "launch",
    [
        ["java", PROGRAMS / "Client.java"],
        ["node", PROGRAMS / "client.mjs"],
        ["go", "run", PROGRAMS / "client.go"],
    ],
    ids=lambda launch: str(launch[0]),
)
def test_a_language_s_own_client_is_answered(launch: list[str | Path], server: Server) -> None:
    first, second, stream, probe = run(*launch, server.url, BODY).splitlines()
    for line in (first, second):
        status, _, body = line.partition(" ")
        assert status == "200", line
        assert json.loads(body)["answer"] == JOIN.answer
    assert stream.startswith("200 ")
    assert [stream.count(f"event: {name}") for name in ("sources", "token", "done")] == [1, 1, 1]
    assert probe.rstrip() == "200"


@pytest.mark.parametrize(
    "options", [[], ["--http2"], ["--http1.0"], ["--header", "Expect: 100-continue"]], ids=str
)
@pytest.mark.parametrize("path", ["/ask", "/ask/"])
def test_curl(server: Server, options: list[str], path: str) -> None:
    answer = run(*CURL, *options, *JSON, "--data", BODY, server.url + path)
    assert json.loads(answer)["answer"] == JOIN.answer


def test_curl_with_a_stream(server: Server) -> None:
    stream = run(*CURL, "--no-buffer", "--http2", *JSON, "--data", BODY, server.url + "/ask/stream")
    assert stream.count("event: done") == 1


def test_curl_with_a_compressed_body(server: Server) -> None:
    options = [*JSON, "--header", "Content-Encoding: gzip", "--data-binary", "@-"]
    answer = run(*CURL, *options, server.url + "/ask", sent=gzip.compress(BODY.encode()))
    assert json.loads(answer)["answer"] == JOIN.answer


def test_curl_with_a_chunked_body(server: Server) -> None:
    options = [*JSON, "--header", "Transfer-Encoding: chunked", "--data-binary", "@-"]
    answer = run(*CURL, *options, server.url + "/ask", sent=BODY.encode())
    assert json.loads(answer)["answer"] == JOIN.answer


@pytest.mark.parametrize("path", ["/livez", "/collections", "/docs"])
def test_a_probe_by_head_finds_it_up(server: Server, path: str) -> None:
    run("wget", "--spider", "--quiet", "--no-proxy", "--tries=1", server.url + path)
    head = run(*CURL, "--head", server.url + path)
    assert head.startswith("HTTP/1.1 200")


def test_wget(server: Server) -> None:
    header = "--header=Content-Type: application/json"
    answer = run(
        "wget",
        "--quiet",
        "--no-proxy",
        "--output-document=-",
        header,
        f"--post-data={BODY}",
        server.url + "/ask",
    )
    assert json.loads(answer)["answer"] == JOIN.answer


def test_an_offer_to_upgrade_is_ignored_in_silence(server: Server) -> None:
    run(*CURL, "--http2", *JSON, "--data", BODY, server.url + "/ask")
    log = server.log.read_text()
    assert "upgrade" not in log.lower()
