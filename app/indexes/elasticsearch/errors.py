"""Translates errors of Elasticsearch (by their types) and of its client."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError
from elastic_transport import ApiResponseMeta
from elasticsearch import ApiError, TransportError, UnsupportedProductError
from elasticsearch.helpers import BulkIndexError, ScanError

from app.errors import AskdError, IndexMissing, IndexUnreadable, SearchUnavailable
from app.indexes.elasticsearch.client import TRANSIENT
from app.indexes.elasticsearch.connection_errors import connection_error
from app.indexes.format import DAMAGED
from app.traffic.circuit_breaker import advice

NOT_ELASTICSEARCH = "the server at ASKD_ELASTICSEARCH_URL is not Elasticsearch 9"
_CREDENTIALS = "ASKD_ELASTICSEARCH_API_KEY, or ASKD_ELASTICSEARCH_USER and ASKD_ELASTICSEARCH_PASSWORD_FILE"
_REASON_CHARACTERS = 300

_BLOCK = re.compile(r"\[[A-Z_]+/(\d+)/([^;\]]*)")
_PRIVILEGES = re.compile(r"granted by the (index|cluster) privileges? \[(\w+)")
# By the number of the block, which its text begins with.
_BLOCK_SETTINGS = {
    "5": "index.blocks.read_only",
    "6": "cluster.blocks.read_only",
    "7": "index.blocks.read",
    "8": "index.blocks.write",
    "9": "index.blocks.metadata",
    "13": "cluster.blocks.read_only_allow_delete",
}
_STARTING = ("1", "2")  # state not recovered; no master
_FLOOD_STAGE = (
    "the disk of Elasticsearch is full (flood-stage watermark), so nothing can be written: free disk space,"
    " or raise cluster.routing.allocation.disk.watermark.flood_stage"
)
_NO_CREATION = (
    "Elasticsearch refuses to create an index (cluster.blocks.create_index), usually because its disk"
    " is nearly full: free disk space, or raise cluster.routing.allocation.disk.watermark.high"
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error response of Elasticsearch; from another server or a proxy, `types` is empty."""

    status: int
    types: frozenset[str] = frozenset()
    reason: str = ""

    @classmethod
    def read(cls, status: int, body: object) -> "_Refusal":
        error = body.get("error", body) if isinstance(body, Mapping) else body
        if not isinstance(error, Mapping):
            return cls(status, reason=error if isinstance(error, str) else "")
        found = list(_nested(error))
        types = frozenset(kind for each in found if isinstance(kind := each.get("type"), str))
        return cls(status, types, str(found[-1].get("reason") or error.get("reason") or ""))


def _nested(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The error and its causes: that of a failed search gives the reason only in its root cause."""
    yield error
    causes = error.get("root_cause")
    for cause in [*(causes if isinstance(causes, list) else []), error.get("caused_by")]:
        if isinstance(cause, Mapping):
            yield from _nested(cause)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises SearchUnavailable, IndexUnreadable, or IndexMissing where Elasticsearch has no such index.

    Their `reason` is Elasticsearch's own, shortened.
    """
    try:
        yield
    except UnsupportedProductError as error:
        raise SearchUnavailable(NOT_ELASTICSEARCH) from error
    except ApiError as error:
        raise _answered(error) from error
    except BulkIndexError as error:
        [first] = error.errors[0].values()
        raise _refused(_Refusal.read(first["status"], first)) from error
    except (TransportError, ScanError, ClientError, RecursionError) as error:  # the last for lines of JSON
        raise connection_error(error) from error


def refusal(last: str, seconds: int) -> SearchUnavailable:
    """Raised instead of a search while the circuit breaker is open."""
    return SearchUnavailable(advice("the search engine", last, seconds), retry_after=seconds)


def check_product(meta: ApiResponseMeta, body: object) -> None:
    """For every response, since the client checks only the first. Raises UnsupportedProductError."""
    if not _is_elasticsearch(meta):
        raise UnsupportedProductError(message="this is not Elasticsearch", meta=meta, body=body)


def searches_of(meta: ApiResponseMeta, body: object) -> list[Mapping[str, Any]]:
    """The answers of a multi-search, one a search. Raises UnsupportedProductError where there are none."""
    responses = body.get("responses") if isinstance(body, Mapping) else None
    if not isinstance(responses, list):
        raise UnsupportedProductError(message="this is not Elasticsearch", meta=meta, body=body)
    return responses


def check_responses(responses: Iterable[Mapping[str, Any]]) -> None:
    """For a multi-search, whose parts fail separately. Raises as `translated_errors`."""
    for response in responses:
        if "error" in response:
            raise _refused(_Refusal.read(response["status"], response))


def _is_elasticsearch(meta: ApiResponseMeta) -> bool:
    return meta.headers.get("x-elastic-product") == "Elasticsearch"


def _answered(error: ApiError) -> AskdError:
    refusal = _Refusal.read(error.status_code, error.body)
    if not refusal.types and refusal.status in (404, 405, 406) and not _is_elasticsearch(error.meta):
        return _unavailable(NOT_ELASTICSEARCH, refusal)
    if isinstance(error.body, Mapping) and error.body.get("found") is False:
        return IndexUnreadable(DAMAGED)  # the only document that is fetched by id is in every version
    return _refused(refusal)


def _refused(refusal: _Refusal) -> AskdError:
    types, status = refusal.types, refusal.status
    if "cluster_block_exception" in types:
        return _blocked(refusal)
    if "index_closed_exception" in types:
        return _unavailable("the index is closed in Elasticsearch; open it with POST /INDEX/_open", refusal)
    if "security_exception" in types or status in (401, 403, 407):
        return _unauthorised(refusal)
    if types & {"circuit_breaking_exception", "es_rejected_execution_exception"} or status == 429:
        return _unavailable("Elasticsearch is overloaded", refusal)
    if "maximum" in refusal.reason and "shards open" in refusal.reason:
        return _unavailable(
            "Elasticsearch is at its limit of open shards and creates no index:"
            " delete indexes that are not needed, or raise cluster.max_shards_per_node",
            refusal,
        )
    if "media_type_header_exception" in types:
        return _unavailable("Elasticsearch is not version 9, which askd needs; upgrade it", refusal)
    if status == 404:
        return IndexMissing("Elasticsearch holds no FAQ yet; run `askd ingest FILE`")
    detail = f"Elasticsearch failed (status {status}); its log says why"
    return _unavailable(detail, refusal, retryable=status in TRANSIENT)


def _blocked(refusal: _Refusal) -> SearchUnavailable:
    found = _BLOCK.search(refusal.reason)
    number, text = found.groups() if found else ("", "")
    if number == "12":
        return _unavailable(_FLOOD_STAGE, refusal)
    if number == "10":
        return _unavailable(_NO_CREATION, refusal)
    if number in _STARTING:
        detail = "Elasticsearch is still starting, or has lost its master node; its log says why"
        return _unavailable(detail, refusal, retryable=True)
    what = _BLOCK_SETTINGS.get(number, text or "a block")
    return _unavailable(f"Elasticsearch is set to refuse this ({what}); remove that setting", refusal)


def _unauthorised(refusal: _Refusal) -> SearchUnavailable:
    if "security_exception" not in refusal.types:
        detail = f"Elasticsearch, or a proxy before it, denies access (status {refusal.status}); check"
        return _unavailable(f"{detail} {_CREDENTIALS}", refusal)
    if refusal.status == 403:
        found = _PRIVILEGES.search(refusal.reason)
        missing = f"the {found[1]} privilege {found[2]}" if found else "a privilege"
        return _unavailable(
            f"Elasticsearch knows the user or API key, but {missing} on the indexes of ASKD_INDEX is missing;"
            " grant it in a role",
            refusal,
        )
    if refusal.reason.startswith("missing authentication"):
        return _unavailable(f"Elasticsearch needs credentials; set {_CREDENTIALS}", refusal)
    return _unavailable(f"Elasticsearch refused the credentials; check {_CREDENTIALS}", refusal)


def _unavailable(detail: str, refusal: _Refusal, *, retryable: bool = False) -> SearchUnavailable:
    error = SearchUnavailable(detail, retryable=retryable)
    error.reason = " ".join(refusal.reason.split())[:_REASON_CHARACTERS]
    return error
