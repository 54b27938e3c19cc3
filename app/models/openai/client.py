"""A connection to an OpenAI-compatible server.

Plain httpx and not the package `openai`, which brings another HTTP client with it, takes a stream that broke
off for a whole one, and knows neither bounds nor what servers other than OpenAI's refuse.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from app.models.http import open_transport

_ROUTE = re.compile(
    r"/(?:chat/)?completions/?$|/models/?$"
)  # of whole addresses, as documentations show them


@asynccontextmanager
async def open_client(
    url: str, connect_timeout: float, api_key: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Its paths are relative to `url`, whose own path is `/v1` where it has none.

    `connect_timeout` in seconds; OpenAIModel keeps the other timeouts.
    """
    address = httpx.URL(url)
    path = _ROUTE.sub("", address.path).rstrip("/") or "/v1"
    headers = {"Accept-Encoding": "identity"}  # compressed, tokens would wait for each other
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    async with httpx.AsyncClient(
        base_url=address.copy_with(path=path, query=None, fragment=None),
        transport=open_transport(),
        headers=headers,
        timeout=httpx.Timeout(None, connect=connect_timeout, pool=connect_timeout),
        follow_redirects=False,  # the key and the questions are for this server alone
        trust_env=False,
    ) as client:
        yield client
