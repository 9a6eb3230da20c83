"""Where a webhook may go: the public address its host name has now, and no inside one."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from domain.errors import Unavailable

# Ranges that Python calls global though they lead to an IPv4 address of the sender's choosing.
_DETOURS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))


async def resolve(host: str, port: int, *, allow_private: bool) -> str:
    """One address of the host, to connect to as it stands: a second look-up could give another.

    Unavailable when the name has no address or, unless `allow_private`, when any of its addresses lies inside.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable("the dealer's host name has no address") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        raise Unavailable("the dealer's host name leads to an inside address, to which nothing is sent")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open Internet, IPv4 in IPv6 clothes included."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in network for network in _DETOURS):
            return False
    return parsed.is_global and not parsed.is_multicast
