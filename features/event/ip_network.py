"""An IP address as bytes, and the key of its network: the /24 of an IPv4 address, the /48 of an IPv6 address.

An IPv4 address within an IPv6 one is the IPv4 address, so that a translator or tunnel hides nobody: mapped and
compatible addresses (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo (RFC 4380, the client's).
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton

from features.hashing import UNKNOWN, key_of

RISKIER = frozenset(("hosting", "anonymizer", "reputation"))
"""Facts about a network that make a request riskier where they are true or above 0."""
_NAT64_48 = bytes.fromhex("0064ff9b0001")
_LAST_FOUR = (bytes(10) + b"\xff\xff", bytes.fromhex("0064ff9b") + bytes(8), _NAT64_48 + bytes(6))
"""Prefixes before an IPv4 address in the last four bytes: mapped, NAT64, and NAT64 within a network."""
_6TO4, _TEREDO = bytes.fromhex("2002"), bytes.fromhex("20010000")


def packed_of(address: str) -> bytes:
    """The 4 or 16 bytes of an address, or no bytes if the text is not one.

    An IPv4 address within an IPv6 one gives 4 bytes; a zone (`%eth0`) is dropped. Accepts the same texts as
    `ipaddress`, in a tenth of the time.

    >>> packed_of("::ffff:192.0.2.1") == packed_of("64:ff9b::192.0.2.1") == packed_of("2002:c000:201::7")
    True
    >>> packed_of("01.2.3.4")
    b''
    """
    try:
        if ":" not in address:
            return inet_pton(AF_INET, address)
        packed = inet_pton(AF_INET6, _without_zone(address) if "%" in address else address)
    except (OSError, ValueError):
        return b""
    return embedded_ipv4(packed) or packed


def embedded_ipv4(packed: bytes) -> bytes:
    """The 4 bytes of the IPv4 address that the 16 bytes of an IPv6 address stand for; no bytes if they stand for none.

    >>> embedded_ipv4(bytes.fromhex("20010000" + "4136e378" + "8000" + "63bf" + "3ffffdd2")).hex()
    'c000022d'
    """
    if packed.startswith(_LAST_FOUR) or (packed.startswith(bytes(12)) and packed[12:14] != bytes(2)):
        return packed[12:]
    if packed.startswith(_6TO4):
        return packed[2:6]
    if packed.startswith(_TEREDO):
        return bytes(255 - each for each in packed[12:])
    if packed.startswith(_NAT64_48) and packed[8] == 0 and packed[11:] == bytes(5):
        return packed[6:8] + packed[9:11]
    return b""


def _without_zone(address: str) -> str:
    bare, _, zone = address.partition("%")
    return bare if zone and not {"%", "/"} & set(zone) else ""


def prefix_of(address: str) -> int:
    """The key of an address's network; UNKNOWN if the text is not an address, as with scrambled ones or service names.

    >>> prefix_of("203.0.113.7") == prefix_of("203.0.113.200") != prefix_of("203.0.114.7")
    True
    >>> prefix_of("ec2.amazonaws.com")
    0
    """
    packed = packed_of(address)
    if len(packed) == 4:
        return key_of(f"4:{int.from_bytes(packed[:3])}")
    return key_of(f"6:{int.from_bytes(packed[:6])}") if packed else UNKNOWN
