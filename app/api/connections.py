"""What a connection may cost before there is a request: its head has to be small, and to come soon."""

import asyncio
import json
from secrets import token_hex
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.api.errors import PROBLEM, plain_body

MAX_HEAD = 64 * 1024  # bytes of request line and headers
HEAD_SECONDS = 10.0
_PENDING = 64 * 1024  # bytes that wait for the end of a turn of the event loop


class Connection(HttpToolsProtocol):
    """uvicorn's own bounds neither, answers nonsense with plain text, and forgets who sends several requests
    at once when they hang up."""

    def __init__(self, *what: Any, **how: Any) -> None:
        super().__init__(*what, **how)
        self._open: list[RequestResponseCycle] = []  # requests that are still answered
        self._head: int | None = None  # bytes of the one that is coming; None: none is
        self._latest: asyncio.TimerHandle | None = None  # when it has to be there

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._writer = _Writer(transport, self.loop)
        self.transport = cast(asyncio.Transport, self._writer)
        self._wait()

    def eof_received(self) -> None:
        self._writer.flush()  # the transport closes itself now, and knows nothing of it
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waited()
        for cycle in self._open:  # uvicorn tells the latest one only
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head is None:
            # uvicorn waits no more for the next request when anything comes, were it but an empty line
            if self._latest is None and all(cycle.response_complete for cycle in self._open):
                self._wait()
            return
        self._head += len(data)
        if self._head > MAX_HEAD:
            self._refuse(431, f"request line and headers are larger than {MAX_HEAD} bytes")
        elif self._latest is None:
            self._wait()

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        self._waited()
        super().on_headers_complete()
        self._open = [cycle for cycle in self._open if not cycle.response_complete] + [self.cycle]

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "this is no HTTP/1.1 request")

    def _wait(self) -> None:
        self._latest = self.loop.call_later(HEAD_SECONDS, self._late)

    def _waited(self) -> None:
        if self._latest:
            self._latest.cancel()
            self._latest = None

    def _late(self) -> None:
        self._latest = None
        if self._head is None:  # nothing came at all
            self.transport.close()
        else:
            self._refuse(408, f"request line and headers did not come within {HEAD_SECONDS:g} seconds")

    def _refuse(self, status: int, detail: str) -> None:
        """The last words, unless they would end up in the middle of an answer to an earlier request."""
        if all(cycle.response_complete for cycle in self._open):
            request_id = token_hex(16)
            body = json.dumps(plain_body(status, detail, request_id)).encode()
            head = (
                f"content-type: {PROBLEM}\r\nx-request-id: {request_id}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self.transport.close()


class _Writer:
    """Sends together what is written in one turn of the event loop, such as a response's head and its body:
    each time costs the same, here and at the caller.

    Takes what is written when the connection is closed already, as asyncio's own transports do: uvloop's
    raise, and that a caller has left is told a moment later.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []
        self._size = 0  # of what is pending
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending.append(data)
        self._size += len(data)
        if self._size > _PENDING:  # else nobody would notice that the caller is too slow
            self.flush()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        if self._pending and not self.is_closing():
            self._transport.write(b"".join(self._pending))
        self._pending.clear()
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
