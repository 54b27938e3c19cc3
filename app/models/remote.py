"""Whether a server is beyond this machine and private networks."""

import asyncio
import ipaddress
from urllib.parse import urlsplit

_RESOLVING_SECONDS = 3.0


async def remote_host(url: str) -> str | None:
    """The host of `url`, unless every address it has is of this machine or of a private network.

    One that cannot be resolved counts as remote, unless it has no dot: then it is of the network at hand,
    such as a service of a compose file that is not up yet. Looked up once; connections look it up again.
    """
    host = urlsplit(url).hostname or ""
    if _is_private(host):
        return None
    try:
        async with asyncio.timeout(_RESOLVING_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, TimeoutError, UnicodeError):
        return host if "." in host or ":" in host else None
    return None if all(_is_private(str(address[0])) for *_, address in found) else host


def _is_private(address: str) -> bool:
    """False for what is no address."""
    try:
        at = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(at, ipaddress.IPv6Address) and at.ipv4_mapped:
        at = at.ipv4_mapped
    return at.is_private or at.is_loopback or at.is_link_local or at in _SHARED


_SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598, which VPNs use, too
