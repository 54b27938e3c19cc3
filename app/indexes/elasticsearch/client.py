"""Opens Elasticsearch's own client: several nodes, credentials, TLS, and which requests are retried."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from elasticsearch import AsyncElasticsearch
from elasticsearch.serializer import OrjsonSerializer

from app.errors import BadSettings

Client = AsyncElasticsearch

_CONNECTIONS = 64  # to each node; further searches wait for one
_WRITE_SECONDS = 60.0  # a refresh or a deletion may take longer than any search should
# Another node may answer, or another copy of a shard; more requests would not help one that says 429.
TRANSIENT = (502, 503, 504)


@asynccontextmanager
async def open_client(
    urls: str | Sequence[str],
    api_key: str | None,
    timeout: float,
    *,
    user: tuple[str, str] | None = None,
    ca: Path | None = None,
    fingerprint: str | None = None,
) -> AsyncIterator[Client]:
    """A client of one or several nodes, without retries: see `reading` and `repeatable`.

    `timeout` is in seconds, for each request. `user` is a name and a password, `ca` a file of
    certificates in PEM, `fingerprint` the SHA-256 of the server's certificate in hexadecimal digits.
    Raises BadSettings.
    """
    tls: dict[str, Any] = {}
    if ca:
        tls["ca_certs"] = str(ca)
    if fingerprint:
        tls["ssl_assert_fingerprint"] = fingerprint
    try:
        client = AsyncElasticsearch(
            [urls] if isinstance(urls, str) else list(urls),
            api_key=api_key,
            basic_auth=user,
            request_timeout=timeout,
            max_retries=0,
            connections_per_node=_CONNECTIONS,
            meta_header=False,
            # The default one takes thirty times as long for a vector.
            serializers={OrjsonSerializer.mimetype: OrjsonSerializer()},
            **tls,
        )
    except (ValueError, OSError) as error:  # ssl.SSLError is an OSError
        if ca:
            raise BadSettings("ASKD_ELASTICSEARCH_CA: not a file of certificates in PEM") from error
        raise BadSettings("ASKD_ELASTICSEARCH_URL: no client can be made for this address") from error
    async with client:
        yield client


def has_several_nodes(client: Client) -> bool:
    return len(client.transport.node_pool) > 1


def reading(client: Client, timeout: float) -> Client:
    """For searches: a failed one is retried once, on another node where there are several.

    After a timeout only where there is another node.
    """
    return repeatable(client.options(request_timeout=timeout, retry_on_timeout=has_several_nodes(client)))


def writing(client: Client, timeout: float) -> Client:
    """For ingests, without retries: creating an index, moving an alias or scrolling is not idempotent."""
    return client.options(request_timeout=max(timeout, _WRITE_SECONDS), max_retries=0)


def repeatable(client: Client) -> Client:
    """The same with one retry, for idempotent requests: reads, and documents that have ids."""
    return client.options(max_retries=1, retry_on_status=TRANSIENT)
