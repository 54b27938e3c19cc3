"""HTTP/1.1 to one server, with next to nothing between the bytes and their reader.

Below Elasticsearch's client, and for Ollama, which sends each token as a chunk of its own: aiohttp takes
twice the CPU time (README, Decisions). httptools parses. No redirects, cookies, proxies, compression.
"""

import asyncio
import ssl
import time
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import unquote, urlsplit

import httptools

JSON = "Content-Type: application/json\r\n"
_BUFFERED = 1 << 20  # bytes that may wait for their reader before the server has to
_LARGEST = 1 << 28  # bytes of a body that is read as a whole
_IDLE = 15.0  # seconds: what lies between may have forgotten a connection that was silent for longer
# Seconds: what comes so soon after another piece is read with it, since each costs the same, however many
# tokens it has. The longer the more responses are read at once, up to what a reader of words hardly sees.
_TOGETHER = 0.005
_TOGETHER_EACH = 0.001
_TOGETHER_AT_MOST = 0.1


class HttpClient:
    """Connections to the server at `url`, kept for the next requests."""

    def __init__(
        self,
        url: str,
        connect_timeout: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`connect_timeout` in seconds."""
        parts = urlsplit(url)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._connect_timeout = connect_timeout
        self._headers = f"Host: {parts.netloc.rpartition('@')[2]}\r\n"
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers += f"Authorization: Basic {b64encode(secret.encode()).decode()}\r\n"
        self._idle: deque[_Connection] = deque()  # the one idle for longest first
        self._reading = 0  # responses

    @property
    def together(self) -> float:
        """Seconds for which a response waits for more to give its reader."""
        return min(max(_TOGETHER, self._reading * _TOGETHER_EACH), _TOGETHER_AT_MOST)

    @asynccontextmanager
    async def request(
        self, method: str, path: str, body: bytes = b"", headers: str = JSON
    ) -> AsyncIterator["Response"]:
        """The response, once its status is known; leaving it unread hangs up. `headers` are whole lines.

        Raises OSError, or ValueError where the answer is no HTTP, as the reading does.
        """
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._headers}{headers}"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        connection, response = await self._asked(request)
        self._reading += 1
        try:
            yield response
        finally:
            self._reading -= 1
            if connection.reusable:
                self._keep(connection)
            else:
                connection.close()

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _asked(self, request: bytes) -> tuple["_Connection", "Response"]:
        """The response, begun. A kept connection that turns out to be closed is no failure: a new one is
        taken, as long as nothing of a response has come."""
        connection = self._kept()
        again = connection is not None
        while True:
            connection = connection or await self._opened()
            response = connection.ask(request, self)
            try:
                await response.begin()
                return connection, response
            except BaseException as error:
                connection.close()
                if not again or response.heard or not isinstance(error, ConnectionError):
                    raise
            connection, again = None, False

    def _keep(self, connection: "_Connection") -> None:
        now = connection.idle_since = time.monotonic()
        self._idle.append(connection)
        while now - self._idle[0].idle_since >= _IDLE:  # left over from when more were needed
            self._idle.popleft().close()

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and time.monotonic() - connection.idle_since < _IDLE:
                return connection
            connection.close()
        return None

    async def _opened(self) -> "_Connection":
        async with asyncio.timeout(self._connect_timeout):
            _, connected = await asyncio.get_running_loop().create_connection(
                _Connection, self._host, self._port, ssl=self._tls
            )
        return connected


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.idle_since = 0.0  # time.monotonic()
        self._response: Response | None = None

    @property
    def reusable(self) -> bool:
        return bool(self._response and self._response.reusable) and not self._transport.is_closing()

    def ask(self, request: bytes, client: HttpClient) -> "Response":
        self._response = Response(self._transport, client)
        self._transport.write(request)
        return self._response

    def close(self) -> None:
        self._transport.abort()

    # --- asyncio's calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._response:
            self._response.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._response:
            self._response.end(exc)


class Response:
    status = 0

    def __init__(self, transport: asyncio.Transport, client: HttpClient) -> None:
        self._transport = transport
        self._client = client
        self.headers: list[tuple[str, str]] = []
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self.heard = False  # anything at all
        self._complete = False
        self._keeps_alive = False  # the connection takes another request
        self._paused = False
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._read_some = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def reusable(self) -> bool:
        """Whether it was read to its end, nothing came after it, and the server takes another request."""
        return self._complete and self._keeps_alive and not self._pieces and not self._error

    async def begin(self) -> None:
        """Wait for the status."""
        while not self.status:
            await self._news()

    async def some(self) -> bytes:
        """What has arrived of the body; empty at its end. The first piece and the last come at once."""
        while not self._pieces:
            if self._complete:
                return b""
            await self._news()
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._read_some = True
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def read(self) -> bytes:
        """All of the body."""
        parts, size = [], 0
        while part := await self.some():
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                raise ValueError("a body without end")
        return b"".join(parts)

    async def _news(self) -> None:
        if self._error:
            raise self._error
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    # --- of the connection ---

    def feed(self, data: bytes) -> None:
        self.heard = True
        try:
            if self._complete:
                raise ValueError("more than was asked for")
            self._parser.feed_data(data)
        except (httptools.HttpParserError, ValueError) as error:
            self._error = ValueError("no HTTP")
            self._error.__cause__ = error
            self._transport.abort()
        if len(self._pieces) > 1 and not self._paused and sum(map(len, self._pieces)) > _BUFFERED:
            self._paused = True
            self._transport.pause_reading()
        if self._complete or self._error or self._paused or not self._read_some:
            self._wake()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._client.together, self._wake)

    def end(self, error: Exception | None) -> None:
        if not self._complete:
            # Without a length the end of the connection is that of the body.
            if error is None and self.status and not self._has_length():
                self._complete = True
            else:
                self._error = self._error or error or ConnectionResetError("the connection was closed")
        self._wake()

    def _has_length(self) -> bool:
        return any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers)

    def _wake(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    # --- httptools' calls ---

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
        else:  # a hint before the response proper
            self.headers.clear()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("a second response")

    def on_message_complete(self) -> None:
        if not self.status:
            return
        self._complete = True
        self._keeps_alive = bool(self._parser.should_keep_alive())  # afterwards it does not know any more
