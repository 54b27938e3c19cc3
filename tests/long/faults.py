"""Faults of a server or of the network, to be injected into its answers."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Mapping
from random import Random

from tests.live.problems import SECRET
from tests.live.tcp_proxy import http_answer
from tools.bench.serving.stub_http import Exchange, Wire

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_JSON = "content-type: application/json"
_PRODUCT = "x-elastic-product: Elasticsearch"
_CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
_LATE = 0.2  # seconds that are within every limit, and three times as many that are not
_CRUMBS = 40  # of each piece

Inject = Callable[[Exchange, Random], bool]  # False: the server answers, perhaps through another wire


# --- in the way of the answer ------------------------------------------------------------------


class _InTheWay:
    def __init__(self, exchange: Exchange) -> None:
        self.transport = exchange.transport

    def is_closing(self) -> bool:
        return self.transport.is_closing()

    def pass_on(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


class _Late(_InTheWay):
    def __init__(self, exchange: Exchange, seconds: float) -> None:
        super().__init__(exchange)
        self._seconds = seconds

    def write(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self.pass_on, data)


class _Crumbling(_InTheWay):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._left = b""

    def write(self, data: bytes) -> None:
        idle = not self._left
        self._left += data
        if idle:
            self._next()

    def _next(self) -> None:
        size = 1 + len(self._left) // _CRUMBS
        crumb, self._left = self._left[:size], self._left[size:]
        self.pass_on(crumb)
        if self._left:
            asyncio.get_running_loop().call_soon(self._next)


class _Cut(_InTheWay):
    """Ends after so many bytes: as a crash ends it, or as a polite server does."""

    def __init__(self, exchange: Exchange, after: int, end: Callable[[asyncio.Transport], None]) -> None:
        super().__init__(exchange)
        self._after = after
        self._end = end

    def write(self, data: bytes) -> None:
        self.pass_on(data[: self._after])
        self._after -= len(data)
        if self._after <= 0 and not self.transport.is_closing():
            self._end(self.transport)


class _Torn(_InTheWay):
    """A whole HTTP message, whose last line ends within a character."""

    def write(self, data: bytes) -> None:
        if not (torn := re.match(rb"[0-9a-f]+\r\n(.*?\xc2)\xab", data, re.DOTALL)):
            self.pass_on(data)
            return
        self.pass_on(b"%x\r\n%s\r\n0\r\n\r\n" % (len(torn[1]), torn[1]))
        self.transport.close()


def _reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def _through(wire: Callable[[Exchange, Random], Wire]) -> Inject:
    def inject(exchange: Exchange, chance: Random) -> bool:
        exchange.wire = wire(exchange, chance)
        return False

    return inject


# --- instead of the answer ---------------------------------------------------------------------


def _instead(*answers: bytes, hangs: bool = False) -> Inject:
    """One of these."""

    def inject(exchange: Exchange, chance: Random) -> bool:
        exchange.transport.write(chance.choice(answers))
        if not hangs:
            exchange.transport.close()
        return True

    return inject


def _ending(end: Callable[[asyncio.Transport], None]) -> Inject:
    def inject(exchange: Exchange, chance: Random) -> bool:
        end(exchange.transport)
        return True

    return inject


def _silence(exchange: Exchange, chance: Random) -> bool:
    return True


def _chunked(*lines: bytes) -> bytes:
    chunks = [b"%x\r\n%s\r\n" % (len(line), line) for line in lines]
    return _CHUNKED + b"".join(chunks) + b"0\r\n\r\n"


_TOLD = f'{{"error": "{SECRET}"}}'
_ODD = ["", "null", "[]", "{}", '"words"', "17", '{"responses": []}', '{"responses": [null]}']
_ODD += ['{"responses": [{}]}', '{"models": 3}', '{"askd": {"mappings": {}}}', '{"done": true}']
_ODD += ['{"responses": [{"hits": {"hits": [{}]}}]}', '{"a": {"mappings": null}}', "[" * 1000]
_SAID = b'{"message": {"role": "assistant", "content": "askd"}, "done": false}\n'

FAULTS: Mapping[str, Inject] = {
    "reset": _ending(_reset),
    "closed": _ending(lambda transport: transport.close()),
    "silence": _silence,
    "late": _through(lambda exchange, chance: _Late(exchange, chance.choice([1, 4]) * _LATE)),
    "crumbled": _through(lambda exchange, chance: _Crumbling(exchange)),
    "cut": _through(lambda exchange, chance: _Cut(exchange, chance.randrange(1, 2500), _reset)),
    "ended": _through(
        lambda exchange, chance: _Cut(exchange, chance.randrange(1, 2500), lambda wire: wire.close())
    ),
    "torn": _through(lambda exchange, chance: _Torn(exchange)),
    "garbage": _instead(
        b"\x00\x01 no HTTP at all: " + SECRET.encode(),
        b"HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 9000,
        http_answer("200 OK", "no gzip", "content-encoding: gzip", _JSON, _PRODUCT),
    ),
    "endless header": _instead(b"HTTP/1.1 200 OK\r\nx-header: and", hangs=True),
    "half": _instead(b'HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{"responses"', hangs=True),
    "404": _instead(
        http_answer("404 Not Found", _TOLD, _JSON, _PRODUCT),
        http_answer("404 Not Found", f"<html>{SECRET}</html>", "content-type: text/html"),
    ),
    "429": _instead(http_answer("429 Too Many Requests", _TOLD, _JSON, _PRODUCT)),
    "500": _instead(http_answer("500 Internal Server Error", _TOLD, _JSON, _PRODUCT)),
    "503": _instead(http_answer("503 Service Unavailable", _TOLD, _JSON, _PRODUCT)),
    "refusal": _instead(
        *[
            http_answer(status, _TOLD, _JSON, _PRODUCT)
            for status in ("400 Bad", "401 No", "403 No", "504 Late")
        ]
    ),
    "another server": _instead(
        http_answer("200 OK", f"<html>{SECRET}</html>", "content-type: text/html"),
        http_answer("502 Bad Gateway", f"<html>{SECRET}</html>", "content-type: text/html"),
        http_answer("302 Found", "", "location: /elsewhere"),
        http_answer("301 Moved", "", "location: http://[no address/"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ),
    "odd": _instead(*[http_answer("200 OK", odd, _JSON, _PRODUCT) for odd in _ODD]),
    "no UTF-8": _instead(
        http_answer("200 OK", "????", _JSON, _PRODUCT).replace(b"????", b'"\xff"'),
        http_answer("200 OK", "??", "content-type: text/plain; charset=\xff").replace(b"??", b"\xff\xfe"),
    ),
    "told": _instead(_chunked(_TOLD.encode() + b"\n"), _chunked(_SAID, _TOLD.encode() + b"\n")),
    "broken off": _instead(_chunked(), _chunked(_SAID), _chunked(_SAID, b'{"message": {"role": "assist')),
}

OF_MODEL = [*FAULTS]
OF_INDEX = [name for name in FAULTS if name != "torn"]  # its answers hold nothing to be torn there
