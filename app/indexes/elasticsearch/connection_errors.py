"""Translates connection errors of Elasticsearch: address, TLS, certificate, timeout."""

import ssl
from collections.abc import Iterator

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    InvalidUrlRedirectClientError,
    NonHttpUrlRedirectClientError,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    TooManyRedirects,
)
from elastic_transport import ConnectionError, ConnectionTimeout, SerializationError

from app.errors import SearchUnavailable

_NAME_MISMATCH = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH
_NOT_VALID_NOW = (9, 10)  # not yet valid, expired
_UNKNOWN_CA = (
    "the certificate of Elasticsearch is signed by an unknown CA; set ASKD_ELASTICSEARCH_CA to the file of"
    " that CA (Elasticsearch makes it as config/certs/http_ca.crt)"
)
_NOT_TLS = "TLS with Elasticsearch failed; if it speaks plain HTTP, begin ASKD_ELASTICSEARCH_URL with http://"
_PLAIN = (
    "Elasticsearch closed the connection without an answer;"
    " if it speaks TLS, begin ASKD_ELASTICSEARCH_URL with https://"
)
_FINGERPRINT = (
    "the certificate of Elasticsearch has another fingerprint than ASKD_ELASTICSEARCH_FINGERPRINT, which must"
    " be of the server's own certificate (http.crt), not of its CA; for that set ASKD_ELASTICSEARCH_CA"
)
_UNKNOWN_HOST = "no address is known for the host in ASKD_ELASTICSEARCH_URL; check its spelling and DNS"
_REDIRECT = (
    "ASKD_ELASTICSEARCH_URL redirects, and not to Elasticsearch; set the address of Elasticsearch itself"
)


def connection_error(error: Exception) -> SearchUnavailable:
    """For an error of the client that is not a response of Elasticsearch."""
    for cause in _chain(error):
        match cause:
            case ServerFingerprintMismatch():
                return SearchUnavailable(_FINGERPRINT)
            case ClientConnectorCertificateError():
                continue  # its cause has the code
            case ssl.SSLCertVerificationError():
                return SearchUnavailable(_certificate(cause))
            case ssl.SSLError():
                return SearchUnavailable(_NOT_TLS)
            case TooManyRedirects() | InvalidUrlRedirectClientError() | NonHttpUrlRedirectClientError():
                return SearchUnavailable(_REDIRECT)
            case ClientConnectorDNSError():
                return SearchUnavailable(_UNKNOWN_HOST, retryable=True)
            case ServerDisconnectedError():
                return SearchUnavailable(_PLAIN, retryable=True)
            case ConnectionTimeout():
                return SearchUnavailable(
                    "Elasticsearch did not answer in time (ASKD_SEARCH_TIMEOUT); check that it runs and has"
                    " enough memory and CPU",
                    retryable=True,
                )
            case SerializationError():
                return SearchUnavailable("the server at ASKD_ELASTICSEARCH_URL is not Elasticsearch 9")
    return SearchUnavailable(
        "Elasticsearch did not answer; check ASKD_ELASTICSEARCH_URL and that it runs",
        retryable=isinstance(error, ConnectionError),
    )


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _NAME_MISMATCH:
        return (
            "the certificate of Elasticsearch is for another host name; use a name that it lists in"
            " ASKD_ELASTICSEARCH_URL"
        )
    if error.verify_code in _NOT_VALID_NOW:
        return "the certificate of Elasticsearch has expired, or is not valid yet; renew it, or set the clock"
    return _UNKNOWN_CA


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes: the client keeps the cause of a failed connection as its context."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
