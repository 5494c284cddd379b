"""The network an address lies in: the /24 of an IPv4 address, the /48 of an IPv6 address."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from features.hashing import UNKNOWN, key_of

_KEPT_BITS = {4: 24, 6: 48}


@lru_cache(maxsize=65_536)
def prefix_of(address: str) -> int:
    """The key of an address's network; unknown when it is no address (log sources scramble them, or name a service).

    >>> prefix_of("203.0.113.7") == prefix_of("203.0.113.200") != prefix_of("203.0.114.7")
    True
    >>> prefix_of("ec2.amazonaws.com")
    0
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    dropped = parsed.max_prefixlen - _KEPT_BITS[parsed.version]
    return key_of(f"{parsed.version}:{int(parsed) >> dropped}")
