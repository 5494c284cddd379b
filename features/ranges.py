"""Sorted ranges of addresses with a value for each, read from published tables and looked up many at a time.

An address is its packed bytes, big-endian, as one fixed-size string: those sort as the addresses do. Knows nothing of
what the values mean.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from features.measures import Array

_FAMILY = {4: AF_INET, 6: AF_INET6}


def as_numbers(packed: Iterable[bytes]) -> Array:
    """Packed addresses of one IP version as sortable numbers: uint32 for IPv4, 16 bytes (S16) for IPv6."""
    addresses = list(packed)
    joined = b"".join(addresses)
    if addresses and len(addresses[0]) == 4:
        return np.frombuffer(joined, ">u4").astype(np.uint32)
    return np.frombuffer(joined, "S16")


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
    size = 4 if version == 4 else 16
    firsts, lasts = (as_numbers([bounds[end].to_bytes(size, "big") for bounds in widest]) for end in (0, 1))
    return Ranges(firsts, lasts, np.ones(len(widest), bool))


def _block(cidr: str, version: int) -> tuple[int, int]:
    """First and last address; faster than `ipaddress`, which took a quarter of the time to load everything."""
    address, _, prefix = cidr.partition("/")
    packed = inet_pton(_FAMILY[version], address)
    free = (1 << (8 * len(packed) - int(prefix))) - 1
    first = int.from_bytes(packed, "big") & ~free
    return first, first | free


def numbers(file: Path) -> Array:
    """Read the numbers of lines such as `AS64496 # a name`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return np.array([int(line.split("#")[0].strip()[2:]) for line in lines if line.startswith("AS")])
