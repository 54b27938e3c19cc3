"""The settings of who may call; `groups` has all others."""

from pathlib import Path

from pydantic import BaseModel, Field


class Access(BaseModel):
    """Access: who may ask, and how often"""

    api_keys_file: Path | None = Field(
        None, description="file of the callers' API keys (`askd keys new`); unset: no key is needed"
    )
    rate_limit: str | None = Field(
        None,
        description="questions per caller (API key, else address), such as `60/minute`; unset: no limit",
        examples=["60/minute"],
    )
    allowed_hosts: str | None = Field(
        None,
        description="accepted Host headers, comma-separated, `*.example.org` for a whole domain; "
        "include the one that Prometheus uses; unset: any",
    )
    trusted_proxies: str | None = Field(
        None, description="addresses or networks whose X-Forwarded-For is trusted, comma-separated"
    )
    cors_origins: str | None = Field(
        None, description="origins of web pages whose scripts may call askd, comma-separated; unset: none"
    )
    public_collections: str | None = Field(
        None,
        description="collections that anyone may ask through `/ask/stream` without a key, comma-separated; "
        "needs `ASKD_RATE_LIMIT`; unset: none",
        examples=["shop"],
    )
    chat_sources: bool = Field(
        False,
        description="list the sources at the end of the text of /v1/chat/completions, for clients that show "
        "no others",
    )
