"""What Elasticsearch and its client say when something fails, in our own words."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elastic_transport import ApiResponseMeta
from elasticsearch import ApiError, ConnectionError, TransportError, UnsupportedProductError
from elasticsearch.helpers import BulkIndexError, ScanError

from app.errors import IndexMissing, RetrievalError, SearchUnavailable


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises SearchUnavailable, or IndexMissing where the cluster answers that the index is not there."""
    try:
        yield
    except UnsupportedProductError as error:
        raise SearchUnavailable("what answers at ASKD_ELASTICSEARCH_URL is not Elasticsearch 9") from error
    except ApiError as error:
        raise _refused(error.status_code, str(error.body)) from error
    except BulkIndexError as error:
        [first] = error.errors[0].values()
        raise _refused(first["status"], str(first["error"])) from error
    except (TransportError, ScanError) as error:
        raise SearchUnavailable(
            "Elasticsearch did not answer; check ASKD_ELASTICSEARCH_URL and that it runs",
            retryable=isinstance(error, ConnectionError),
        ) from error


def check_product(meta: ApiResponseMeta, body: object) -> None:
    """Its client looks only once who answers. Raises UnsupportedProductError."""
    if meta.headers.get("x-elastic-product") != "Elasticsearch":
        raise UnsupportedProductError(message="this is not Elasticsearch", meta=meta, body=body)


def check_responses(responses: Iterable[Mapping[str, Any]]) -> None:
    """Of a multi-search, which is answered with 200 whatever befell a part. Raises as `translated_errors`."""
    for response in responses:
        if "error" in response:
            raise _refused(response["status"], str(response["error"]))


def _refused(status: int, body: str) -> RetrievalError:
    if status == 404:
        return IndexMissing("Elasticsearch holds no FAQ yet; run `askd ingest FILE`")
    if status in (401, 403):
        return SearchUnavailable(
            "Elasticsearch refused the API key, or wants one; check ASKD_ELASTICSEARCH_API_KEY"
        )
    if status == 429:
        return SearchUnavailable("Elasticsearch is overloaded")
    if "media_type_header_exception" in body:
        return SearchUnavailable("Elasticsearch is not version 9, which askd speaks; upgrade it")
    detail = f"Elasticsearch could not do it (status {status}); its log says why"
    return SearchUnavailable(detail, retryable=status == 503)
