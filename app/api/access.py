"""Who calls, and whether they may: hosts, keys, limits. All of it is off unless a setting turns it on."""

import ipaddress
import math
import time
from typing import NamedTuple

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import plain_problem
from app.api.keys import ApiKeys

_PROBES = frozenset(["/livez", "/readyz"])  # are asked by address, and tell nothing
_OPEN = _PROBES | {"/docs", "/openapi.json"}  # without a key
_OPEN_FOLDER = "/static-offline-docs/"
ASKING = frozenset(["/ask", "/ask/stream", "/search"])  # what is limited, and traced
_NETWORK = 64  # bits of an IPv6 address that a household or a machine has to itself


class Caller(NamedTuple):
    """Who asks: what limits, logs and keys share."""

    key: str | None  # the name of the key; None: no keys are asked for
    address: str

    @property
    def identity(self) -> str:
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


class Access:
    """Pure ASGI, inside of `Requests`."""

    def __init__(
        self,
        app: ASGIApp,
        keys: ApiKeys | None = None,
        limit: RateLimitItem | None = None,
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        self.app = app
        self._keys = keys
        self._limit = limit
        self._hosts = hosts
        self._limiter = MovingWindowRateLimiter(MemoryStorage()) if limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        request_id = scope["state"]["request_id"]
        path = scope["path"]
        if self._hosts and path not in _PROBES and not self._knows(headers.get("host", "")):
            detail = "this service is not known by the name in the header Host; see ASKD_ALLOWED_HOSTS"
            return plain_problem(421, detail, request_id)
        owner = self._keys.owner(_key(headers)) if self._keys else None
        address = (scope.get("client") or ("",))[0]
        caller = scope["state"]["caller"] = Caller(owner, address)
        if self._keys and owner is None and path not in _OPEN and not path.startswith(_OPEN_FOLDER):
            detail = "send a key of this service, as Authorization: Bearer KEY or as X-API-Key"
            return plain_problem(401, detail, request_id, headers={"WWW-Authenticate": "Bearer"})
        if self._limit and path in ASKING:
            return await self._over_limit(self._limit, caller, request_id)
        return None

    async def _over_limit(self, limit: RateLimitItem, caller: Caller, request_id: str) -> Response | None:
        if not self._limiter or await self._limiter.hit(limit, caller.identity):
            return None
        window = await self._limiter.get_window_stats(limit, caller.identity)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        detail = f"more than {limit}; try again in {wait} seconds"
        return plain_problem(429, detail, request_id, headers={"Retry-After": str(wait)})

    def _knows(self, host: str) -> bool:
        name = (host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]).lower()
        return name in self._hosts or any(
            name.endswith(known[1:]) for known in self._hosts if known.startswith("*.")
        )


def _key(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
