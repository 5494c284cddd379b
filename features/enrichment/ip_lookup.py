"""What follows from an address alone: network operator, country, hosting provider, anonymiser, place.

From the bundled tables (see data/README.md) or, where they say more, your own `.mmdb` in MaxMind's format and, before
both, your own lists of networks. One look-up serves a whole table and a single event, so both say the same. Only what
an event leaves open is filled.

Scrambled and malformed addresses are unknown, and so are private and reserved ones unless your list names them. A
listed range or operator is a hosting provider (or an anonymiser). The lists are not complete, yet an address they lack
is taken for neither where its operator is known: what drifts is the habit, and it drifts the same for all. Where nobody
knows the operator, nothing is said.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Array
from features.data_files import data_folder
from features.enrichment.custom_lists import said_by
from features.enrichment.ip_ranges import (
    SIZES,
    Ranges,
    as_numbers,
    nearly_sorted,
    networks,
    numbers,
    painted,
    ranges,
    reserved,
)
from features.enrichment.table_cache import cached_ranges
from features.event.arrow import conform
from features.event.ip_network import packed_of
from features.event.schema import Event
from features.settings import SettingsError

REFERENCE = data_folder() / "reference"
"""The bundled tables."""

FACTS = np.dtype(
    [
        ("asn", "i8"),
        ("country", "U2"),
        ("hosting", "f8"),
        ("anonymizer", "f8"),
        ("latitude", "f8"),
        ("longitude", "f8"),
        ("reputation", "f8"),
    ]
)
"""What is known of an address. Unknown is 0 for the operator, empty for the country, NaN for the rest."""

_NAMES: tuple[str, ...] = FACTS.names or ()
_WHOLE = np.dtype((np.void, FACTS.itemsize))
"""A record as mere bytes: numpy scatters those ten times faster than field by field."""


@dataclass(frozen=True)
class Tables:
    """The bundled tables of one IP version; values of `hosting` and `anonymizer` are listed or not."""

    asn: Ranges
    country: Ranges
    hosting: Ranges
    anonymizer: Ranges

    @classmethod
    @cache
    def read(cls, folder: Path, version: int) -> Tables:
        """Read once in a process, whatever lies above them."""
        places, lists = folder / "ip-location-db", folder / "x4bnet"
        asn, country = (places / f"{name}-ipv{version}.csv.gz" for name in ("asn", "asn-country"))
        hosting, anonymizer = (lists / f"{name}_ipv{version}.txt.gz" for name in ("datacenter", "vpn"))
        tables = cached_ranges(
            [asn, country, hosting, anonymizer],
            lambda: {
                "asn": ranges(asn, version, np.int64),
                "country": ranges(country, version, np.str_),
                "hosting": networks(hosting, version),
                "anonymizer": networks(anonymizer, version),
            },
        )
        return cls(**tables)


@dataclass(frozen=True, eq=False)
class NetworkTables:
    """The bundled tables of both IP versions, the operators that are hosts or anonymisers, and what is your own."""

    tables: dict[int, Tables]
    hosting_asns: Ranges
    anonymizer_asns: Ranges
    databases: tuple[maxminddb.Reader, ...]
    lists: dict[int, Ranges]

    @classmethod
    def load(cls, folder: Path | None = None, yours: Sequence[Path] = ()) -> NetworkTables:
        """Read everything, in about a second; raises SettingsError for a file of yours that cannot be used.

        Your files are databases (`.mmdb`) and lists (all else). Lists go first; among equals, the file named first.
        """
        try:
            databases = tuple(maxminddb.open_database(file) for file in yours if file.suffix == ".mmdb")
            lists = _lists([file for file in yours if file.suffix != ".mmdb"])
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise SettingsError(f"a file of network tables cannot be used: {error}") from error
        folder = folder or REFERENCE
        tables = {version: Tables.read(folder, version) for version in SIZES}
        hosting, anonymizer = (numbers(folder / f"x4bnet/{name}_ASN.txt") for name in ("datacenter", "vpn"))
        return cls(tables, hosting, anonymizer, databases, lists)

    def facts(self, ips: Sequence[str | None]) -> Array:
        """What is known of each address: shape (n,) of FACTS, in their order."""
        facts = _unknown(len(ips))
        packed = [packed_of(ip or "") for ip in ips]
        sizes = np.fromiter(map(len, packed), np.int64, len(packed))
        for version, size in SIZES.items():
            places = np.flatnonzero(sizes == size)
            if len(places):
                addresses = as_numbers([packed[place] for place in places])
                order = nearly_sorted(addresses)
                facts.view(_WHOLE)[places[order]] = self._of(version, addresses[order]).view(_WHOLE)
        return facts

    def _of(self, version: int, addresses: Array) -> Array:
        facts = self._bundled(self.tables[version], addresses)
        private = reserved(version).values_of(addresses)
        facts[private] = _unknown(1)
        for database in reversed(self.databases):
            if version <= database.metadata().ip_version:
                for place in np.flatnonzero(~private):
                    _overlay(facts[place], database.get(_address(addresses[place])))
        return _laid(self.lists[version].values_of(addresses), facts) if version in self.lists else facts

    def _bundled(self, tables: Tables, addresses: Array) -> Array:
        facts = _unknown(len(addresses))
        facts["asn"], facts["country"] = tables.asn.values_of(addresses), tables.country.values_of(addresses)
        known = facts["asn"] != 0
        for name, hosts, operators in (
            ("hosting", tables.hosting, self.hosting_asns),
            ("anonymizer", tables.anonymizer, self.anonymizer_asns),
        ):
            positive = hosts.values_of(addresses) | operators.values_of(facts["asn"])
            facts[name] = np.where(positive, 1.0, np.where(known, 0.0, np.nan))
        return facts


def _unknown(count: int) -> Array:
    facts = np.zeros(count, FACTS)
    for name in ("hosting", "anonymizer", "latitude", "longitude", "reputation"):
        facts[name] = np.nan
    return facts


def _known(values: Array) -> Array:
    return ~np.isnan(values) if values.dtype.kind == "f" else values != np.zeros(1, values.dtype)


def _laid(over: Array, under: Array) -> Array:
    """What `over` knows, and what `under` says where it is silent."""
    for name in _NAMES:
        under[name] = np.where(_known(over[name]), over[name], under[name])
    return under


def _lists(files: Sequence[Path]) -> dict[int, Ranges]:
    lines = [line for file in files for line in said_by(file)]
    by_version = {version: [line for line in lines if line[0].version == version] for version in SIZES}
    return {version: painted(said, version, _unknown(1)) for version, said in by_version.items() if said}


def _address(number: Any) -> IPv4Address | IPv6Address:
    return IPv4Address(int(number)) if isinstance(number, np.integer) else IPv6Address(number.ljust(16, b"\0"))


def _overlay(facts: Any, found: Any) -> None:
    """Put what an `.mmdb` record says in the place of what the bundled tables say."""
    if not isinstance(found, dict):
        return
    country, place = found.get("country"), found.get("location")
    traits = found | (found["traits"] if isinstance(found.get("traits"), dict) else {})
    said = {
        "asn": traits.get("autonomous_system_number"),
        "country": country.get("iso_code") if isinstance(country, dict) else None,
        "hosting": traits.get("is_hosting_provider"),
        "anonymizer": traits.get("is_anonymous"),
        "latitude": place.get("latitude") if isinstance(place, dict) else None,
        "longitude": place.get("longitude") if isinstance(place, dict) else None,
    }
    for name, value in said.items():
        if value is not None:
            facts[name] = value


@cache
def lookup(yours: str = "") -> NetworkTables:
    """The tables of this process, read at the first call, with the files that Settings.network_tables names."""
    return NetworkTables.load(yours=[Path(name) for name in yours.split(os.pathsep) if name])


def _columns(facts: Array) -> dict[str, pa.Array]:
    """The facts as Arrow columns of the Event's types, null where unknown."""
    columns = {}
    for name in _NAMES:
        values, unknown = facts[name], ~_known(facts[name])
        if name == "country":
            columns[name] = pa.array(values.tolist(), pa.string(), mask=unknown)
        else:
            columns[name] = pa.array(values == 1.0 if name in ("hosting", "anonymizer") else values, mask=unknown)
    return columns


def fill(table: pa.Table, tables: NetworkTables) -> pa.Table:
    """The events with what follows from their addresses, where they leave that open."""
    filled = conform(table)
    addresses = filled["network.ip"].combine_chunks().dictionary_encode()
    for name, values in _columns(tables.facts(addresses.dictionary.to_pylist())).items():
        column = filled.schema.get_field_index(f"network.{name}")
        known = pc.coalesce(filled[column], values.take(addresses.indices))
        filled = filled.set_column(column, filled.schema.field(column), known)
    return filled


def fill_event(event: Event, tables: NetworkTables) -> Event:
    """The event with what follows from its address, where it leaves that open."""
    if event.network.ip is None:
        return event
    said = _said(event.network.ip, tables)
    still_open = {name: value for name, value in said.items() if getattr(event.network, name) is None}
    return event.model_copy(update={"network": event.network.model_copy(update=still_open)})


@lru_cache(maxsize=65_536)
def _said(ip: str, tables: NetworkTables) -> dict[str, Any]:
    return {name: values[0].as_py() for name, values in _columns(tables.facts([ip])).items()}
