"""The one request that every question makes, with as little around it as can be."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from elastic_transport import BaseAsyncNode, HttpHeaders
from elasticsearch import ApiError, AsyncElasticsearch
from elasticsearch.exceptions import HTTP_EXCEPTIONS, UnsupportedProductError

from app.indexes.elasticsearch.errors import check_product

_NDJSON = "application/vnd.elasticsearch+x-ndjson; compatible-with=9"
_JSON = "application/vnd.elasticsearch+json; compatible-with=9"


def search_headers(client: AsyncElasticsearch) -> HttpHeaders:
    """Of every `multi_search` by this client."""
    # The client keeps the API key here, and has no other way to tell it.
    return HttpHeaders({**client._headers, "content-type": _NDJSON, "accept": _JSON})


async def multi_search(
    client: AsyncElasticsearch, headers: HttpHeaders, searches: bytes, timeout: float
) -> Sequence[Mapping[str, Any]]:
    """The responses of `client.msearch`, by the client's own connections, in half of its CPU time.

    Raises as the client does; `timeout` in seconds.
    """
    # What its transport does beside is choosing among nodes, and trying again: there is one, tried once.
    node = cast("BaseAsyncNode", client.transport.node_pool.get())
    meta, data = await node.perform_request(
        "POST", "/_msearch", body=searches, headers=headers, request_timeout=timeout
    )
    body = client.transport.serializers.loads(data, meta.mimetype)
    if meta.status != 200:
        raise HTTP_EXCEPTIONS.get(meta.status, ApiError)(message=str(body)[:1000], meta=meta, body=body)
    check_product(meta, body)
    responses = body.get("responses") if isinstance(body, dict) else None
    if not isinstance(responses, list):
        raise UnsupportedProductError(message="this is not Elasticsearch", meta=meta, body=body)
    return responses
