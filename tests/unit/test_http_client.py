"""The HTTP of askd itself: connections are kept, given back whole or not at all, and bounded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import pytest

from app import http_client
from app.http_client import HttpClient
from tools.bench.serving.stub_http import Exchange, serving

pytestmark = pytest.mark.anyio
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Lamp: on\r\n\r\nhello"


class Server:
    """Answers every request with `answer`; notes what was asked on which connection."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[list[bytes]] = []  # by connection
        self.left = asyncio.Event()
        self.closes_next = False  # without an answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[bytes] = []
        self.asked.append(requests)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                requests.append(head + await reader.readexactly(length))
                if self.closes_next:
                    self.closes_next = False
                    break
                writer.write(self.answer)
                if b"onnection: close" in self.answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def client_of(answer: bytes, user: str = "") -> AsyncIterator[tuple[HttpClient, Server]]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = HttpClient(f"http://{user}127.0.0.1:{port}/base/", 5.0)
    yield client, server
    client.close()
    listening.close()


async def body(client: HttpClient) -> bytes:
    async with client.request("POST", "/path", b"{}") as response:
        return await response.read()


async def test_a_connection_is_used_again() -> None:
    async with client_of(WHOLE) as (client, server):
        assert [await body(client) for _ in range(3)] == [b"hello"] * 3
    assert [len(requests) for requests in server.asked] == [3]
    assert server.asked[0][0].startswith(b"POST /base/path HTTP/1.1\r\nHost: 127.0.0.1:")
    assert server.asked[0][0].endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE.replace(b"X-Lamp: on", b"Connection: close"),
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello",  # its end is that of the connection
        b"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_one_that_the_server_ends_is_not(answer: bytes) -> None:
    async with client_of(answer) as (client, server):
        assert [await body(client) for _ in range(2)] == [b"hello"] * 2
    assert [len(requests) for requests in server.asked] == [1, 1]


async def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure() -> None:
    async with client_of(WHOLE) as (client, server):
        await body(client)
        server.closes_next = True
        assert await body(client) == b"hello"
    assert [len(requests) for requests in server.asked] == [2, 1]


async def test_a_new_connection_that_is_closed_is() -> None:
    async with client_of(WHOLE) as (client, server):
        server.closes_next = True
        with pytest.raises(ConnectionError):
            await body(client)


async def test_who_leaves_before_the_end_hangs_up() -> None:
    async with client_of(WHOLE[:-1]) as (client, server):
        async with client.request("GET", "/") as response:
            assert await response.some() == b"hell"
            assert (response.status, ("X-Lamp", "on")) == (200, response.headers[1])
        await asyncio.wait_for(server.left.wait(), 5)


async def test_an_answer_that_is_no_http_is_an_error() -> None:
    async with client_of(b"nonsense\r\n\r\n") as (client, _):
        with pytest.raises(ValueError, match="no HTTP"):
            await body(client)


async def test_who_is_cancelled_while_it_waits_hangs_up() -> None:
    async with client_of(WHOLE[:-1]) as (client, server):
        asking = asyncio.create_task(body(client))
        while not server.asked or not server.asked[0]:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(server.left.wait(), 5)


async def test_name_and_password_of_the_address_are_sent() -> None:
    async with client_of(WHOLE, user="lamp:li%40ght@") as (client, server):
        await body(client)
    assert b"Authorization: Basic bGFtcDpsaUBnaHQ=\r\n" in server.asked[0][0]


async def test_a_hint_before_the_response_is_not_taken_for_it() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </lamp>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with client_of(hints + WHOLE) as (client, server):
        assert [await body(client) for _ in range(2)] == [b"hello"] * 2
    assert [len(requests) for requests in server.asked] == [2]


@pytest.mark.parametrize("surplus", [b"garbage", WHOLE])
async def test_a_connection_on_which_more_came_than_was_asked_for_is_not_used_again(surplus: bytes) -> None:
    async with client_of(WHOLE + surplus) as (client, server):
        for _ in range(2):
            with contextlib.suppress(ValueError):  # it depends on when the surplus comes
                assert await body(client) == b"hello"
            await asyncio.sleep(0.05)
    assert [len(requests) for requests in server.asked] == [1, 1]


async def test_what_is_shorter_than_it_says_is_an_error_also_where_the_connection_was_to_end() -> None:
    async with client_of(WHOLE[:-1].replace(b"X-Lamp: on", b"Connection: close")) as (client, _):
        with pytest.raises(ConnectionError):
            await body(client)


async def test_a_connection_that_was_silent_for_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_IDLE", 0.05)
    async with client_of(WHOLE) as (client, server):
        await body(client)
        await asyncio.sleep(0.1)
        await body(client)
    assert [len(requests) for requests in server.asked] == [1, 1]


async def test_connections_that_a_burst_has_left_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with client_of(WHOLE) as (client, server):
        await asyncio.gather(body(client), body(client), body(client))
        assert len(client._idle) == len(server.asked) == 3
        monkeypatch.setattr(http_client, "_IDLE", 0.05)
        for _ in range(4):
            await asyncio.sleep(0.02)
            await body(client)
        assert len(client._idle) == 1
        await asyncio.wait_for(server.left.wait(), 5)


async def test_a_body_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_LARGEST", 3)
    async with client_of(WHOLE) as (client, _):
        with pytest.raises(ValueError, match="without end"):
            await body(client)


async def test_the_first_piece_comes_at_once_the_others_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpClient, "together", 60.0)
    exchanges: list[Exchange] = []

    def begin(exchange: Exchange) -> None:
        exchanges.append(exchange)
        exchange.begin()
        exchange.piece(b"one")

    async with serving(begin) as url:
        with closing(HttpClient(url, 5.0)) as client:
            async with client.request("GET", "/") as response:
                assert await response.some() == b"one"
                exchanges[0].piece(b"two")
                rest = asyncio.ensure_future(response.some())
                await asyncio.sleep(0.05)
                assert not rest.done()
                exchanges[0].piece(b"three", last=True)
                assert await rest == b"twothree"


async def test_the_more_is_read_the_longer_pieces_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_client, "_TOGETHER_EACH", 0.02)
    async with client_of(WHOLE) as (client, _):
        seconds = [client.together]
        async with AsyncExitStack() as opened:
            for _ in range(6):
                response = await opened.enter_async_context(client.request("GET", "/"))
                assert await response.read() == b"hello"
                seconds.append(client.together)
        assert seconds == pytest.approx([0.005, 0.02, 0.04, 0.06, 0.08, 0.1, 0.1])
        assert client.together == 0.005


async def test_a_server_that_is_too_fast_has_to_wait_and_nothing_is_lost() -> None:
    size = 8_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    async with client_of(head + b"x" * size) as (client, _), client.request("GET", "/") as response:
        first = await response.some()
        await asyncio.sleep(0.2)
        assert len(first) + sum(map(len, response._pieces)) < size / 2
        assert len(first) + len(await response.read()) == size
