"""Completes what people type, where only one thing can be meant."""

import re
from collections.abc import Callable
from typing import Any

from pydantic import AnyHttpUrl

_ADDRESS = re.compile(
    r"(?P<user>[^@/\s]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?P<port>:\d+)?(?P<path>/\S*)?"
)


def address(default_port: int) -> Callable[[Any], Any]:
    """A validator that completes `localhost`, `127.0.0.1:9200` or `[::1]:9200/path` to an URL."""

    def complete(value: Any) -> Any:
        if not isinstance(value, str) or "://" in value:
            return value
        found = _ADDRESS.fullmatch(value.strip())
        if found is None:
            raise ValueError("this is not an address")
        user, host, port, path = found.groups(default="")
        port = port or f":{default_port}"
        scheme = "https" if port == ":443" else "http"
        return f"{scheme}://{user}{host}{port}{path}"

    return complete


def comma_separated(value: str | None) -> list[str]:
    """The items of a list with commas; none of None."""
    return [item.strip() for item in (value or "").split(",") if item.strip()]


def split(value: Any) -> Any:
    """A validator that splits a list with commas; None for an empty one."""
    return tuple(comma_separated(value)) or None if isinstance(value, str) else value


def addresses(default_port: int) -> Callable[[Any], Any]:
    """The same for a list with commas; None stays None."""
    complete = address(default_port)

    def complete_all(value: Any) -> Any:
        items = split(value)
        return tuple(map(complete, items)) if isinstance(items, tuple) else items

    return complete_all


def without_brackets(host: str) -> str:
    """`[::1]`, as in a URL, is the IPv6 address `::1`."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def without_credentials(url: AnyHttpUrl) -> AnyHttpUrl:
    """Raises ValueError for one with a user or a password: URLs are shown and logged."""
    if url.username or url.password:
        raise ValueError("no user or password in the URL; put the key into a file")
    return url
