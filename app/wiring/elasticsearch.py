"""A client for Elasticsearch, as the settings describe it."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import Settings, secret

if TYPE_CHECKING:
    from app.indexes.elasticsearch.client import Client


def elasticsearch_client(
    settings: Settings, timeout: float, own_key: tuple[str, Path] | None = None
) -> "AbstractAsyncContextManager[Client]":
    """`timeout` in seconds. `own_key`: a setting and the file it names, of another API key than that of the
    index. Raises BadSettings."""
    from app.indexes.elasticsearch.client import open_client

    key = settings.elasticsearch_api_key.get_secret_value() if settings.elasticsearch_api_key else None
    if key_file := settings.elasticsearch_api_key_file:
        key = secret("ASKD_ELASTICSEARCH_API_KEY_FILE", key_file)
    user = None
    if own_key:
        key = secret(*own_key)
    elif settings.elasticsearch_user and (file := settings.elasticsearch_password_file):
        user = settings.elasticsearch_user, secret("ASKD_ELASTICSEARCH_PASSWORD_FILE", file)
    return open_client(
        [str(url) for url in settings.elasticsearch_url or ()],
        key,
        timeout,
        user=user,
        ca=settings.elasticsearch_ca,
        fingerprint=settings.elasticsearch_fingerprint,
    )
