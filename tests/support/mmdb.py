"""Writes small MaxMind-format databases for tests: one record for each of a few IPv4 networks, nothing elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

Value = str | int | float | bool | list[str] | Mapping[str, "Value"]
_WIDTHS = {"build_epoch": 9, "node_count": 6, "autonomous_system_number": 6}
"""The kinds of whole numbers, by name: 64 or 32 bits; all others have 16."""


def write_mmdb(file: Path, records: Mapping[str, Value]) -> Path:
    """Write a database of disjoint networks, such as `{"198.51.100.0/24": {"country": {"iso_code": "DE"}}}`."""
    nodes: list[list[int | None]] = [[None, None]]
    leaves: list[tuple[int, int, bytes]] = []
    for network, value in records.items():
        node, side = _place(nodes, IPv4Network(network))
        leaves.append((node, side, _encoded(value)))
    offset, data = 0, b""
    for node, side, encoded in leaves:
        nodes[node][side] = -(offset + 1)
        offset, data = offset + len(encoded), data + encoded
    tree = b"".join(_pointer(end, len(nodes)) for pair in nodes for end in pair)
    metadata: dict[str, Value] = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_767_225_600,
        "database_type": "Test",
        "description": {"en": "made by a test"},
        "ip_version": 4,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": 32,
    }
    file.write_bytes(tree + b"\0" * 16 + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    return file


def _place(nodes: list[list[int | None]], network: IPv4Network) -> tuple[int, int]:
    """The node and side under which a network's record hangs; makes the nodes on the way."""
    bits = f"{int(network.network_address):032b}"[: network.prefixlen]
    node = 0
    for bit in map(int, bits[:-1]):
        child = nodes[node][bit]
        if child is None:
            nodes.append([None, None])
            child = nodes[node][bit] = len(nodes) - 1
        node = child
    return node, int(bits[-1])


def _pointer(end: int | None, count: int) -> bytes:
    """A node, nothing (the count of nodes), or data (counted from 16 bytes before its section)."""
    number = count if end is None else end if end >= 0 else count + 16 - end - 1
    return number.to_bytes(4, "big")


def _encoded(value: Value, name: str = "") -> bytes:
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, int):
        digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _control(_WIDTHS.get(name, 5), len(digits)) + digits
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    return _control(7, len(value)) + b"".join(_encoded(k) + _encoded(v, k) for k, v in value.items())


def _control(kind: int, size: int) -> bytes:
    """The byte that says what follows; kinds above 7 and sizes above 28 need a second one."""
    length = min(size, 29)
    first = bytes([kind << 5 | length]) if kind <= 7 else bytes([length, kind - 7])
    return first + (bytes([size - 29]) if length == 29 else b"")
