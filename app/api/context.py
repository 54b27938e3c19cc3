"""What is known of a request, for whoever handles it: one object, in the ASGI scope."""

import ipaddress
from dataclasses import dataclass
from typing import NamedTuple, cast

from starlette.types import Scope

_KEY = "request_context"
_NETWORK = 64  # bits of an IPv6 address: a household or a machine has the rest to itself


class Caller(NamedTuple):
    """Who sent the request."""

    key: str | None  # name of the API key; None: none was asked for, or none is needed
    address: str
    public: bool = False  # has no key where others need one: see ASKD_PUBLIC_COLLECTIONS
    owner: bool = False  # it is an owner's key

    @property
    def identity(self) -> str:
        """What the rate limit counts by."""
        if self.key:
            return f"key {self.key}"
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if address.version == 6 and address.ipv4_mapped:
            return str(address.ipv4_mapped)
        if address.version == 6:
            return str(ipaddress.ip_network((address, _NETWORK), strict=False))
        return self.address


@dataclass(slots=True)
class RequestContext:
    id: str
    method: str  # as it was sent: a route sees GET for HEAD
    arrived: float  # when its headers had come, on the clock of the event loop
    caller: Caller
    problem: str = ""  # name of the problem it was answered with, such as "not-found"
    hung_up: bool = False  # the caller closed the connection before the response was complete


def add_context(scope: Scope, context: RequestContext) -> None:
    scope.setdefault("state", {})[_KEY] = context


def context_of(scope: Scope) -> RequestContext:
    return cast(RequestContext, scope["state"][_KEY])
