"""Bytes that are hardly HTTP, on a real socket: an answer, a 4xx or a closed connection, and nothing is left.

ASKD_TEST_CASES says how many (times five), ASKD_TEST_SEED which; `scripts/soak` raises the former.
"""

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from urllib.parse import urlsplit

import pytest

from app.api.routing import MAX_HEAD
from tests.live.problems import INTERNALS
from tests.live.serving import Service, serving, settings_of
from tests.live.tcp_proxy import until
from tests.long.footprint import Footprint, left_behind
from tests.support.sizes import CASES, SEED
from tools.bench.serving.stubs import MODEL, Pace, open_stubs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + CASES)]

AT_ONCE = 8
_SOON = 5.0  # seconds until a connection is answered and closed
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /search HTTP/1.1", b"host: askd", b"content-type: application/json", *headers, b"", body]
    return b"\r\n".join(lines)


GOOD = post(b'{"question": "Docker?"}', b"content-length: 23")
CHUNKED = post(b'c\r\n{"question":\r\n9\r\n"Docker"}\r\n0\r\n\r\n', b"transfer-encoding: chunked")
LIVE = b"GET /livez HTTP/1.1\r\nhost: askd\r\n\r\n"
MALFORMED = {
    "nothing": b"",
    "an empty line": b"\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "another version": b"GET /livez HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n",
    "an unknown method": b"FETCH /livez HTTP/1.1\r\n\r\n",
    "another address": b"CONNECT askd:443 HTTP/1.1\r\n\r\n",
    "no path": b"OPTIONS * HTTP/1.1\r\n\r\n",
    "a whole URL": b"GET http://elsewhere/livez HTTP/1.1\r\n\r\n",
    "letters in the path": "GET /über HTTP/1.1\r\n\r\n".encode(),
    "escapes in the path": b"GET /%ff%00%2e%2e/%zz HTTP/1.1\r\n\r\n",
    "a header without a name": b"GET /livez HTTP/1.1\r\n: x\r\n\r\n",
    "a header without a colon": b"GET /livez HTTP/1.1\r\nhost\r\n\r\n",
    "a space in a header's name": b"GET /livez HTTP/1.1\r\na b: c\r\n\r\n",
    "NUL in a header": b"GET /livez HTTP/1.1\r\na: \0\r\n\r\n",
    "bytes in a header": b"GET /livez HTTP/1.1\r\na: \xff\xfe\r\nx-request-id: \xff\r\n\r\n",
    "a folded header": b"GET /livez HTTP/1.1\r\na: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /livez HTTP/1.1\nhost: askd\n\n",
    "a negative length": post(b"{}", b"content-length: -2"),
    "no length": post(b"{}", b"content-length: two"),
    "an endless length": post(b"{}", b"content-length: " + b"9" * 50),
    "two lengths": post(b"{}", b"content-length: 2", b"content-length: 3"),
    "a length and chunks": post(b"2\r\n{}\r\n0\r\n\r\n", b"content-length: 2", b"transfer-encoding: chunked"),
    "more than its length": post(b'{"question": "Docker?"}', b"content-length: 5"),
    "less than its length": post(b"{}", b"content-length: 100"),
    "a chunk without a size": post(b"zz\r\n{}\r\n0\r\n\r\n", b"transfer-encoding: chunked"),
    "a chunk of any size": post(b"ffffffffffffffff\r\n{}", b"transfer-encoding: chunked"),
    "a chunk of a negative size": post(b"-2\r\n{}\r\n0\r\n\r\n", b"transfer-encoding: chunked"),
    "half of a chunk": post(b"64\r\n{", b"transfer-encoding: chunked"),
    "another encoding": post(b"{}", b"transfer-encoding: gzip"),
    "WebSocket": b"GET /ask HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nmore",
    "HTTP/2 instead": b"GET /livez HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "a promise": post(b'{"question": "Docker?"}', b"content-length: 23", b"expect: 100-continue"),
    "many at once": LIVE * 20,
    "good and bad": LIVE + GOOD + b"\0\0\0" + LIVE,
}
LARGE = {
    "path": b"GET /" + b"a" * 2 * MAX_HEAD + b" HTTP/1.1\r\n\r\n",
    "header": b"GET /livez HTTP/1.1\r\na: " + b"b" * 2 * MAX_HEAD + b"\r\n\r\n",
    "headers": b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * MAX_HEAD + b"\r\n",
}
_PIECES = [
    b"\0",
    b"\r\n",
    b"\n",
    b"\r",
    b":",
    b" ",
    b"\xff",
    b"0",
    b"\r\n\r\n",
    b"%",
    b"HTTP/1.1",
    b"chunked",
]


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    async with open_stubs() as stubs:
        urls = {"elasticsearch_url": stubs.elasticsearch_url, "ollama_url": stubs.ollama_url}
        async with serving(settings_of(urls, {"model": MODEL})) as service:
            yield service


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[Service]:
    async with open_service() as service:
        yield service


async def told(service: Service, sent: bytes, *, ends: bool = True, silence: float = _SOON) -> bytes:
    """All that comes back until the connection is closed, or silent for so many seconds."""
    url = urlsplit(str(service.client.base_url))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    answer = b""
    try:
        with suppress(ConnectionError):  # it was closed before all was sent, or read
            writer.write(sent)
            if ends:
                writer.write_eof()
            await writer.drain()
            while data := await asyncio.wait_for(reader.read(65536), silence):
                answer += data
    except TimeoutError:
        assert silence < _SOON, "neither answered nor closed"
    finally:
        writer.transport.abort()
    return answer


def check(answer: bytes) -> Counter[int]:
    """By status."""
    statuses = Counter(int(status) for status in _STATUS.findall(answer))
    assert not answer or statuses, answer
    assert max(statuses, default=0) < 500, answer
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    assert not INTERNALS.search(head.replace("HTTP/1.1", "")), head
    return statuses


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_hardly_http_is_answered_or_the_connection_is_closed(
    service: Service, sent: bytes
) -> None:
    check(await told(service, sent))
    assert (await service.client.get("/livez")).status_code == 200


async def test_who_says_that_no_more_will_come_is_answered(service: Service) -> None:
    """As `nc -N` does."""
    for _ in range(20):
        assert check(await told(service, LIVE, ends=True)) == {200: 1}


@pytest.mark.parametrize("sent", LARGE.values(), ids=LARGE)
async def test_a_head_that_is_too_large_is_refused(service: Service, sent: bytes) -> None:
    answer = await told(service, sent, ends=False)
    # 400 where it came in pieces, 431 where it came whole; nothing: it was closed while we still sent
    assert check(answer) in [Counter(), Counter([400]), Counter([431])]


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02 no HTTP\r\n\r\n", b"GET /livez HTTP/1.1\r\na b: c\r\n\r\n"]
)
async def test_a_malformed_head_is_a_400_and_the_connection_is_closed(service: Service, sent: bytes) -> None:
    assert check(await told(service, sent, ends=False)) == {400: 1}


async def test_who_sends_several_requests_at_once_may_hang_up_too() -> None:
    async with open_stubs() as stubs:
        urls = {"elasticsearch_url": stubs.elasticsearch_url, "ollama_url": stubs.ollama_url}
        async with serving(settings_of(urls, {"model": MODEL})) as service:
            await service.ready()  # or else the warm-up would be taken for a question
            stubs.begin(Pace(first_token=5.0))
            body = json.dumps({"question": stubs.question, "mode": "generate"}).encode()
            asked = post(body, b"content-length: %d" % len(body)).replace(b"/search", b"/ask")
            url = urlsplit(str(service.client.base_url))
            _, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(asked * 2)
            await until(lambda: stubs.ollama.counts.begun)
            writer.close()
            await until(lambda: stubs.ollama.counts.left, seconds=4)


def damaged(chance: Random) -> bytes:
    """A request or several, with a few bytes gone, doubled or put in."""
    sent = chance.choice([GOOD, CHUNKED, LIVE, GOOD + LIVE, *MALFORMED.values()])
    for _ in range(chance.randint(1, 4)):
        at, until = sorted((chance.randint(0, len(sent)), chance.randint(0, len(sent))))
        until = min(until, at + chance.choice([0, 0, 1, 4, 40]))
        put = chance.choice(
            [b"", sent[at:until] * 2, chance.randbytes(chance.randint(1, 4)), chance.choice(_PIECES)]
        )
        sent = sent[:at] + put + sent[until:]
    return sent


async def test_nothing_that_is_sent_breaks_the_service_or_stays_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    chance, statuses = Random(SEED), Counter[int]()
    async with open_service() as service:
        await told(service, GOOD)
        before = await Footprint.settled()
        remaining = iter(range(CASES * 5))

        async def work() -> None:
            for _ in remaining:
                sent, ends = damaged(chance), chance.random() < 0.5
                try:
                    answer = await told(service, sent, ends=ends, silence=_SOON if ends else 0.1)
                    statuses.update(check(answer) or {0: 1})
                except AssertionError as error:
                    raise AssertionError(f"{sent!r}: {error!r}") from error

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
        tasks, descriptors = await left_behind(before)
        assert (await service.client.get("/livez")).status_code == 200
    print(
        f"seed {SEED}: {CASES * 5} requests; answers by status, 0 for none: {dict(sorted(statuses.items()))}"
    )
    assert not tasks
    assert descriptors <= 2 * AT_ONCE  # connections to Elasticsearch are kept
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
