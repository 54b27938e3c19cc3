"""What the clients of model servers share: connections, bounded lines, and failures as errors of ours."""

import ssl
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from typing import Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from app.errors import ModelUnavailable
from app.models.failures import log_unreadable

# Bytes. The line of a token takes some hundred, the full description of a model some hundred thousand.
_LONGEST_LINE = 1 << 21

# What a client raises for a server that is down or breaks off.
_NETWORK_FAILURES = (httpx.HTTPError, aiohttp.ClientError, OSError)
# For bad JSON or UTF-8, for JSON nested too deep and for JSON of another shape.
_UNREADABLE = (ValueError, RecursionError, TypeError, AttributeError, LookupError)


def open_transport() -> httpx.AsyncBaseTransport:
    """httpx's own takes several times the CPU time for a streamed answer."""
    tls = ssl.create_default_context()
    return AiohttpTransport(verify=tls, client=lambda: _session(tls))


def _session(tls: ssl.SSLContext) -> aiohttp.ClientSession:
    # A connection for each request: one that was kept open may be closed by the server just then, and a
    # generation that failed so could not be sent again, since it may already have begun.
    connector = aiohttp.TCPConnector(ssl=tls, limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class WholeLines:
    """The same bytes, cut only after line feeds. Raises ValueError for a line without end."""

    def __init__(self, parts: AsyncIterable[bytes]) -> None:
        self._parts = aiter(parts)
        self._rest = b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        async for data in self._parts:
            lines, end, self._rest = (self._rest + data).rpartition(b"\n")
            if len(self._rest) > _LONGEST_LINE:
                raise ValueError("a line without end")
            if end:
                return lines + end
        if not self._rest:
            raise StopAsyncIteration
        rest, self._rest = self._rest, b""
        return rest


@contextmanager
def translated(server: str, setting: str) -> Iterator[None]:
    """Turns what a client raises into ModelUnavailable; `setting` holds the URL of the `server`."""
    try:
        yield
    except _NETWORK_FAILURES as error:
        raise ModelUnavailable(_no_answer(error, server, setting)) from error
    except _UNREADABLE as error:
        log_unreadable(error)
        raise ModelUnavailable(_no_answer(error, server, setting)) from error


def _no_answer(error: BaseException, server: str, setting: str) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {setting} is not trusted: name the file of its CA in SSL_CERT_FILE"
        if isinstance(cause, ssl.SSLError):
            return f"{setting} says https, but TLS fails there: does the server want plain http?"
    return f"{server} did not answer, or broke off; is it running at {setting}?"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
