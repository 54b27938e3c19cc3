"""Who may call: host names, API keys, the rate limit. Each is off unless a setting turns it on."""

import ipaddress
import math
from dataclasses import dataclass, field

import limits
from fastapi import HTTPException, Request
from limits import RateLimitItem
from starlette.datastructures import Headers

from app.api.context import Caller, context_of
from app.api.keys import ApiKeys, Role
from app.domain import Mode, Question
from app.errors import BadSettings
from app.settings import Settings
from app.settings.values import comma_separated
from app.traffic.rate_limit import LocalRateLimiter, RateLimiter


@dataclass(frozen=True)
class Access:
    keys: ApiKeys | None = None
    limit: RateLimitItem | None = None
    hosts: frozenset[str] = frozenset()  # lower case; "*.example.org" for all of a domain
    public: frozenset[str] = frozenset()  # collections that anyone may ask without a key
    loopback: bool = False  # only this machine can call, as far as the settings tell
    _own: LocalRateLimiter = field(default_factory=LocalRateLimiter, init=False)

    @classmethod
    def of(cls, settings: Settings) -> "Access":
        """Raises BadSettings."""
        keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
        hosts = frozenset(_bracketed(name.lower()) for name in comma_separated(settings.allowed_hosts))
        public = frozenset(comma_separated(settings.public_collections))
        return cls(keys, limit_of(settings.rate_limit), hosts, public, listens_locally(settings))

    async def admit(self, request: Request, *, limited: bool, public: bool = False) -> None:
        """Note the caller's key; `limited` requests count against the rate limit, `public` ones need no key
        where there are public collections.

        Raises HTTPException with status 421, 401 or 429.
        """
        self.check_host(request)
        context = context_of(request.scope)
        if self.keys:
            given = _key(request.headers)
            key = self.keys.find(given)
            anyone = public and bool(self.public) and not given
            if key is None and not anyone:
                detail = "send an API key, as Authorization: Bearer KEY or as X-API-Key"
                raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})
            context.caller = Caller(
                key.name if key else None,
                context.caller.address,
                public=key is None,
                owner=key is not None and key.role is Role.OWNER,
            )
        if limited:
            await self.count(context.caller, getattr(request.state, "limiter", None))

    def check_public(self, caller: Caller, question: Question) -> None:
        """Without a key, only what is public may be asked. Raises HTTPException with status 403."""
        if not caller.public:
            return
        if question.collection not in self.public:
            raise HTTPException(
                403, "without an API key, name a collection that may be asked; see ASKD_PUBLIC_COLLECTIONS"
            )
        if question.mode is not Mode.AUTO:
            raise HTTPException(403, "without an API key, the mode must be auto")

    def check_host(self, request: Request) -> None:
        """Raises HTTPException with status 421."""
        if self.hosts and not self.knows(request.headers.get("host", "")):
            raise HTTPException(421, "unknown Host header; see ASKD_ALLOWED_HOSTS")

    async def count(self, caller: Caller, shared: RateLimiter | None) -> None:
        """Count a request against the rate limit, with other replicas where there is a shared limiter. Raises
        HTTPException with status 429."""
        if self.limit is None:
            return
        seconds = await (shared or self._own).hit(self.limit, caller.identity)
        if seconds is None:
            return
        wait = max(1, math.ceil(seconds))
        raise HTTPException(
            429, f"more than {self.limit}; try again in {wait} seconds", {"Retry-After": str(wait)}
        )

    def knows(self, host: str) -> bool:
        name = (host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]).lower()
        return name in self.hosts or any(
            name.endswith(known[1:]) for known in self.hosts if known.startswith("*.")
        )


def listens_locally(settings: Settings) -> bool:
    """On a loopback address, and no setting speaks of a proxy before it."""
    try:
        loopback = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = settings.host.lower() == "localhost"
    return loopback and not settings.trusted_proxies


def origins_of(settings: Settings) -> frozenset[str]:
    """Pages of these may call from a browser."""
    return frozenset(origin.rstrip("/") for origin in comma_separated(settings.cors_origins))


def _bracketed(host: str) -> str:
    """An IPv6 address as the Host header has it, also where the setting has none."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _key(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def limit_of(setting: str | None) -> RateLimitItem | None:
    """What `ASKD_RATE_LIMIT` says. Raises BadSettings."""
    if not setting:
        return None
    try:
        (limit,) = limits.parse_many(setting)
        if limit.amount < 1:
            raise ValueError("no request at all")
    except ValueError as error:
        raise BadSettings(f"ASKD_RATE_LIMIT: {setting!r} is not one limit such as 60/minute") from error
    return limit
