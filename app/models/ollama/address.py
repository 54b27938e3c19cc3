"""Ollama's address, as other tools want it and as its own API has it, and what opens a proxy before it."""

import re
from collections.abc import Callable

import httpx

API_PATH = re.compile(r"/(?:v1|api)(?:/.*)?$")  # not part of the address of Ollama itself


def authorization(address: httpx.URL, api_key: str | None) -> httpx.Auth | Callable[..., httpx.Request]:
    """For httpx's `auth`. `api_key` is for a proxy before Ollama, and takes the place of a user and password
    in the address."""
    if api_key is None and address.userinfo:
        return httpx.BasicAuth(address.username, address.password)

    def authorize(request: httpx.Request) -> httpx.Request:
        # Ollama's client itself would send OLLAMA_API_KEY, the key of Ollama's cloud, to any server.
        request.headers.pop("Authorization", None)
        if api_key is not None:
            request.headers["Authorization"] = f"Bearer {api_key}"
        return request

    return authorize
