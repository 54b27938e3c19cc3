"""Who may see what is kept of questions: owners, by their key or, where no keys are set, at this machine."""

from fastapi import HTTPException, Request

from app.api.context import context_of
from app.api.dependencies import service_of

_WAY = (
    "make an owner's key with `askd keys new NAME --role owner --file FILE`, and name the file in "
    "ASKD_API_KEYS_FILE"
)
_LOCAL_HOSTS = frozenset(["localhost", "127.0.0.1", "[::1]"])
# And X-Forwarded-…
_FORWARDED = ("forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip", "client-ip")


async def owners_only(request: Request) -> None:
    """A dependency, after the key was checked. Raises HTTPException with status 403."""
    _check_origin(request)
    if service_of(request).access.keys is None:
        check_local(request)
    elif not context_of(request.scope).caller.owner:
        raise HTTPException(403, f"this key is a caller's, and this is for owners: {_WAY}")


def check_local(request: Request) -> None:
    """Without keys whoever sits at this machine is the owner: nobody may come from elsewhere, through a
    proxy, or by a name that was made to point here (DNS rebinding). No browser speaks HTTP/1.0, but nginx
    does to what it proxies, and need not say that it is one. Raises HTTPException with status 403."""
    headers = request.headers
    forwarded = any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers)
    hosts = headers.getlist("host")
    local = len(hosts) == 1 and _name(hosts[0]) in _LOCAL_HOSTS
    proxied = forwarded or request.scope["http_version"] == "1.0"
    if not service_of(request).access.loopback or proxied or not local:
        raise HTTPException(
            403,
            "without API keys this is open only in a browser on the machine that askd runs on, at its "
            f"loopback address and through no proxy; else {_WAY}",
        )


def _check_origin(request: Request) -> None:
    """Other sites' pages may send requests from an owner's browser. Programs send neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if not own:
        raise HTTPException(403, "this request comes from another site's page; open /admin itself")


def _name(host: str) -> str:
    """Without the port, which may be missing."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()
