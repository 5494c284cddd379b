"""Sorted ranges of addresses with a value for each, read from tables and lists and looked up many at a time.

An address is its packed bytes, big-endian, as one fixed-size string: those sort as the addresses do. Knows nothing of
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


def as_numbers(packed: Iterable[bytes]) -> Array:
    """Packed addresses of one IP version as sortable numbers: uint32 for IPv4, 16 bytes (S16) for IPv6."""
    addresses = list(packed)
    joined = b"".join(addresses)
    if addresses and len(addresses[0]) == 4:
        return np.frombuffer(joined, ">u4").astype(np.uint32)
    return np.frombuffer(joined, "S16")


def nearly_sorted(addresses: Array) -> Array:
    """An order in which searches find the next part of a table in the cache; eight bytes tell enough, and sort fast."""
    return np.argsort(addresses if addresses.dtype == np.uint32 else addresses.view(">u8")[::2].astype(np.uint64))


@dataclass(frozen=True)
class Ranges:
    """Disjoint ranges: sorted first addresses, the last address of each (inclusive), and its value.

    Where two overlap after all (one pair in half a million does), the one that begins later counts.
    """

    first: Array
    last: Array
    values: Array

    def values_of(self, addresses: Array) -> Array:
        """The value of the range each address lies in; zero of its type (0, "", False) where it lies in none."""
        place = np.maximum(np.searchsorted(self.first, addresses, side="right") - 1, 0)
        inside = (self.first[place] <= addresses) & (addresses <= self.last[place])
        return np.where(inside, self.values[place], np.zeros(1, self.values.dtype))


def ranges(file: Path, version: int, kind: Any) -> Ranges:
    """Read gzipped CSV `first,last,value[,name]`, sorted by address."""
    table = csv.read_csv(
        pa.BufferReader(gzip.decompress(file.read_bytes())),
        csv.ReadOptions(autogenerate_column_names=True),
        convert_options=csv.ConvertOptions(column_types={"f0": pa.string(), "f1": pa.string()}),
    )
    first, last = (_packed(table[column].to_pylist(), version) for column in ("f0", "f1"))
    return Ranges(first, last, table["f2"].to_numpy().astype(kind))


def _packed(addresses: list[str], version: int) -> Array:
    family = _FAMILY[version]
    return as_numbers([inet_pton(family, address) for address in addresses])


def networks(file: Path, version: int) -> Ranges:
    """Read a gzipped list of CIDR blocks; of nested blocks the widest counts."""
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
    return as_numbers([address.to_bytes(SIZES[version], "big") for address in addresses])


def _block(cidr: str, version: int) -> tuple[int, int]:
    """First and last address; faster than `ipaddress`, which took a quarter of the time to load everything."""
    address, _, prefix = cidr.partition("/")
    packed = inet_pton(_FAMILY[version], address)
    free = (1 << (8 * len(packed) - int(prefix))) - 1
    first = int.from_bytes(packed, "big") & ~free
    return first, first | free


def numbers(file: Path) -> Ranges:
    """Read the numbers of lines such as `AS64496 # a name`, each a range of its own."""
    lines = file.read_text(encoding="utf-8").splitlines()
    each = np.unique([int(line.split("#")[0].strip()[2:]) for line in lines if line.startswith("AS")])
    return Ranges(each, each, np.ones(len(each), bool))


def _cuts(networks: Iterable[Network], version: int) -> list[int]:
    """Where a network begins or has just ended, in order, beginning with the first address there is."""
    ends = {end for each in networks for end in _ends(each)}
    return sorted({0} | ends - {1 << 8 * SIZES[version]})


def _ends(network: Network) -> tuple[int, int]:
    """Its first address and the first after it."""
    return int(network.network_address), int(network.broadcast_address) + 1


def _between(cuts: Sequence[int], version: int, values: Array) -> Ranges:
    """Ranges without gaps over all addresses, one from each cut to the next."""
    lasts = [cut - 1 for cut in [*cuts[1:], 1 << 8 * SIZES[version]]]
    return Ranges(_numbers(cuts, version), _numbers(lasts, version), values)


@cache
def reserved(version: int) -> Ranges:
    """True for addresses that are not global (private, reserved, for documents), as `ipaddress` says.

    It asks `ipaddress` once for each stretch between the ends of its own networks, so it agrees with any version of it.
    """
    kind = IPv4Address if version == 4 else IPv6Address
    named = vars(kind._constants).values()  # type: ignore[union-attr]  # typeshed does not know it
    each = [network for value in named for network in (value if isinstance(value, list) else [value])]
    cuts = _cuts([network for network in each if isinstance(network, IPv4Network | IPv6Network)], version)
    return _between(cuts, version, np.array([not kind(cut).is_global for cut in cuts]))


def painted(said: Sequence[tuple[Network, Mapping[str, object]]], version: int, silent: Array) -> Ranges:
    """Ranges from nested networks: for each field the longest prefix that says it counts, of equals the first."""
    cuts = _cuts([network for network, _ in said], version)
    values = np.repeat(silent, len(cuts))
    for network, fields in sorted(reversed(said), key=lambda each: each[0].prefixlen):
        inside = slice(*(bisect_left(cuts, end) for end in _ends(network)))
        for name, value in fields.items():
            values[name][inside] = value
    return _between(cuts, version, values)
