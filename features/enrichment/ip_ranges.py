"""Sorted IP ranges with a value each, read from files, with vectorised lookup.

An address is represented by its packed big-endian bytes, which sort as the addresses do. This module does not know
what the values mean.
"""

from __future__ import annotations

import gzip
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from features.arrays import Array

Network = IPv4Network | IPv6Network
SIZES = {4: 4, 6: 16}
"""Bytes of an address of each IP version."""
_FAMILY = {4: AF_INET, 6: AF_INET6}


def sortable_addresses(packed: Iterable[bytes]) -> Array:
    """Packed addresses of one IP version as sortable numbers: uint32 for IPv4, 16 bytes (S16) for IPv6."""
    addresses = list(packed)
    joined = b"".join(addresses)
    if addresses and len(addresses[0]) == 4:
        return np.frombuffer(joined, ">u4").astype(np.uint32)
    return np.frombuffer(joined, "S16")


def lookup_order(addresses: Array) -> Array:
    """An order of addresses in which lookups hit the CPU cache. IPv6 is ordered by its first 8 bytes, which is fast."""
    return np.argsort(addresses if addresses.dtype == np.uint32 else addresses.view(">u8")[::2].astype(np.uint64))


@dataclass(frozen=True)
class Ranges:
    """Disjoint ranges: sorted first addresses, the last address of each (inclusive), and its value.

    If two ranges overlap (about one pair in half a million does), the one that begins later applies.
    """

    first: Array
    last: Array
    values: Array

    def values_of(self, addresses: Array) -> Array:
        """The value of the range that contains each address, or the zero of its type (0, "", False) if none does."""
        place = np.maximum(np.searchsorted(self.first, addresses, side="right") - 1, 0)
        inside = (self.first[place] <= addresses) & (addresses <= self.last[place])
        return np.where(inside, self.values[place], np.zeros(1, self.values.dtype))


def read_ranges(file: Path, version: int, kind: Any) -> Ranges:
    """Read ranges from gzipped CSV lines `first,last,value[,name]`, sorted by address."""
    table = csv.read_csv(
        pa.BufferReader(gzip.decompress(file.read_bytes())),
        csv.ReadOptions(autogenerate_column_names=True),
        convert_options=csv.ConvertOptions(column_types={"f0": pa.string(), "f1": pa.string()}),
    )
    first, last = (_packed(table[column].to_pylist(), version) for column in ("f0", "f1"))
    return Ranges(first, last, table["f2"].to_numpy().astype(kind))


def _packed(addresses: list[str], version: int) -> Array:
    family = _FAMILY[version]
    return sortable_addresses([inet_pton(family, address) for address in addresses])


def read_networks(file: Path, version: int) -> Ranges:
    """Read a gzipped list of CIDR blocks as ranges of True; nested blocks merge into the widest."""
    blocks = sorted(_block(line, version) for line in gzip.decompress(file.read_bytes()).decode().split())
    widest: list[tuple[int, int]] = []
    for first, last in blocks:
        if not widest or first > widest[-1][1]:
            widest.append((first, last))
        else:
            widest[-1] = (widest[-1][0], max(last, widest[-1][1]))
    firsts, lasts = (_numbers([bounds[end] for bounds in widest], version) for end in (0, 1))
    return Ranges(firsts, lasts, np.ones(len(widest), bool))


def _numbers(addresses: Sequence[int], version: int) -> Array:
    return sortable_addresses([address.to_bytes(SIZES[version], "big") for address in addresses])


def _block(cidr: str, version: int) -> tuple[int, int]:
    """The first and last address of a CIDR block. `ipaddress` would take a quarter of the whole loading time."""
    address, _, prefix = cidr.partition("/")
    packed = inet_pton(_FAMILY[version], address)
    host_mask = (1 << (8 * len(packed) - int(prefix))) - 1
    first = int.from_bytes(packed, "big") & ~host_mask
    return first, first | host_mask


def read_asns(file: Path) -> Ranges:
    """Read lines such as `AS64496 # a name`; each AS number is a range of its own."""
    lines = file.read_text(encoding="utf-8").splitlines()
    asns = np.unique([int(line.split("#")[0].strip()[2:]) for line in lines if line.startswith("AS")])
    return Ranges(asns, asns, np.ones(len(asns), bool))


def _boundaries(networks: Iterable[Network], version: int) -> list[int]:
    """The sorted addresses at which a network starts or has just ended, beginning with address 0."""
    ends = {end for each in networks for end in _ends(each)}
    return sorted({0} | ends - {1 << 8 * SIZES[version]})


def _ends(network: Network) -> tuple[int, int]:
    """The first address of a network and the first one after it."""
    return int(network.network_address), int(network.broadcast_address) + 1


def _between(boundaries: Sequence[int], version: int, values: Array) -> Ranges:
    """Ranges that cover all addresses without gaps, one from each boundary to the next."""
    lasts = [boundary - 1 for boundary in [*boundaries[1:], 1 << 8 * SIZES[version]]]
    return Ranges(_numbers(boundaries, version), _numbers(lasts, version), values)


@cache
def reserved_ranges(version: int) -> Ranges:
    """True for addresses that are not global (private, reserved, documentation), as in `ipaddress`.

    Evaluates `is_global` once between the boundaries of the networks that `ipaddress` knows, so that it agrees with any
    Python version.
    """
    address = IPv4Address if version == 4 else IPv6Address
    named = vars(address._constants).values()  # type: ignore[union-attr]  # typeshed does not know it
    each = [network for value in named for network in (value if isinstance(value, list) else [value])]
    boundaries = _boundaries([network for network in each if isinstance(network, IPv4Network | IPv6Network)], version)
    return _between(boundaries, version, np.array([not address(boundary).is_global for boundary in boundaries]))


def ranges_of_networks(facts: Sequence[tuple[Network, Mapping[str, object]]], version: int, unknown: Array) -> Ranges:
    """Ranges from nested networks: each fact comes from the longest prefix that states it, then the first."""
    boundaries = _boundaries([network for network, _ in facts], version)
    values = np.repeat(unknown, len(boundaries))
    for network, fields in sorted(reversed(facts), key=lambda each: each[0].prefixlen):
        inside = slice(*(bisect_left(boundaries, end) for end in _ends(network)))
        for name, value in fields.items():
            values[name][inside] = value
    return _between(boundaries, version, values)
