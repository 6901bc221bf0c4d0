"""Which address a visit counts against: the socket's, or what trusted proxies say about it."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(source: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The right-most address of `X-Forwarded-For` that no trusted proxy has; the socket's without such a proxy.

    Everything further to the left was written by the visitor, or by somebody we do not trust to know.
    """
    address = source
    if not is_within(source, trusted):
        return address
    entries = [entry.strip() for line in forwarded for entry in line.split(",")]
    for entry in reversed(entries):
        found = _bare(entry)
        if found is None:
            return address  # what a proxy cannot spell, it cannot vouch for
        address = found
        if not is_within(found, trusted):
            break
    return address


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether this address is in one of these networks."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip
    return any(plain in network for network in networks)


def _bare(entry: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:5`, `2001:db8::1` or `[2001:db8::1]:5`."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return str(ipaddress.ip_address(entry))
    except ValueError:
        return None
