"""The way to Elasticsearch, and to nowhere else: askd's own HTTP below Elasticsearch's client."""

import asyncio
import ssl
import time

from elastic_transport import (
    AiohttpHttpNode,
    ApiResponseMeta,
    ConnectionError,
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    TlsError,
)
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType

from app.http_client import HttpClient


class HomeNode(AiohttpHttpNode):
    """Reads the settings as aiohttp's node does, and then does without it (README, Decisions).

    Follows no redirect: it may lead anywhere, and would take the question along.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._http = HttpClient(
            self.base_url,
            connect_timeout=config.request_timeout or 10.0,
            tls=self._ssl_context,
        )
        self._turns = asyncio.Semaphore(config.connections_per_node)

    async def perform_request(  # type: ignore[override]
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        seconds = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        # Its own headers hold what the address had of a user and a password.
        sent = {**self.headers, **(headers or {})}
        lines = "".join([f"{name}: {value}\r\n" for name, value in sent.items()])
        started = time.perf_counter()
        try:
            async with (
                self._turns,  # to wait for one is not Elasticsearch's fault
                asyncio.timeout(seconds),
                # A HEAD would be answered with a length, and nothing of that length.
                self._http.request(
                    "GET" if method == "HEAD" else method, target, body or b"", lines
                ) as response,
            ):
                data = await response.read()
        except TimeoutError as error:
            raise ConnectionTimeout("Connection timed out during request", errors=(error,)) from None
        except ssl.SSLError as error:
            raise TlsError(str(error), errors=(error,)) from None
        except (OSError, ValueError) as error:
            raise ConnectionError(str(error), errors=(error,)) from None
        meta = ApiResponseMeta(
            node=self.config,
            duration=time.perf_counter() - started,
            http_version="1.1",
            status=response.status,
            headers=HttpHeaders(response.headers),
        )
        return NodeApiResponse(meta, b"" if method == "HEAD" else data)

    async def close(self) -> None:  # type: ignore[override]
        self._http.close()
