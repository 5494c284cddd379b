"""Enrich events by their IP address: network operator (ASN), country, hosting provider, anonymiser, location.

Facts come from custom network lists first, then from custom `.mmdb` databases in MaxMind's format, then from the
bundled tables (see data/README.md). Tables and single events use the same lookup, so both get the same facts. Only
fields that are unknown in the event are filled, but of two facts about hosting, anonymisers and reputation the riskier
one counts: who states that an address is harmless does not overrule a list that names it. A custom list does.

Scrambled and malformed addresses stay unknown, and so do private and reserved ones unless a custom list names them. An
address is hosting (or an anonymiser) if its range or operator is listed. The lists are incomplete: an unlisted address
counts as neither if its operator is known, which affects all identities alike, and stays unknown otherwise.
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
from features.enrichment.custom_lists import read_custom_list
from features.enrichment.ip_ranges import (
    SIZES,
    Ranges,
    lookup_order,
    ranges_of_networks,
    read_asns,
    read_networks,
    read_ranges,
    reserved_ranges,
    sortable_addresses,
)
from features.enrichment.table_cache import cached_ranges
from features.event.arrow import conform
from features.event.ip_network import RISKIER, packed_of
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
        ("accuracy_km", "f8"),
        ("reputation", "f8"),
    ]
)
"""The facts about an address. Unknown is 0 for `asn`, empty for `country`, NaN for the rest."""

_NAMES: tuple[str, ...] = FACTS.names or ()
_FACTS_BYTES = np.dtype((np.void, FACTS.itemsize))
"""A record as bytes: numpy assigns those ten times faster than field by field."""


@dataclass(frozen=True)
class Tables:
    """The bundled tables of one IP version; `hosting` and `anonymizer` hold True for listed ranges."""

    asn: Ranges
    country: Ranges
    hosting: Ranges
    anonymizer: Ranges

    @classmethod
    @cache
    def read(cls, folder: Path, version: int) -> Tables:
        """Read the tables; cached for the process, and parsed once for all processes of a home folder."""
        locations, lists = folder / "ip-location-db", folder / "x4bnet"
        asn, country = (locations / f"{name}-ipv{version}.csv.gz" for name in ("asn", "asn-country"))
        hosting, anonymizer = (lists / f"{name}_ipv{version}.txt.gz" for name in ("datacenter", "vpn"))
        tables = cached_ranges(
            [asn, country, hosting, anonymizer],
            lambda: {
                "asn": read_ranges(asn, version, np.int64),
                "country": read_ranges(country, version, np.str_),
                "hosting": read_networks(hosting, version),
                "anonymizer": read_networks(anonymizer, version),
            },
        )
        return cls(**tables)


@dataclass(frozen=True, eq=False)
class NetworkTables:
    """The bundled tables of both IP versions, lists of hosting and anonymiser operators, and custom files."""

    tables: dict[int, Tables]
    hosting_asns: Ranges
    anonymizer_asns: Ranges
    databases: tuple[maxminddb.Reader, ...]
    lists: dict[int, Ranges]

    @classmethod
    def load(cls, folder: Path | None = None, custom: Sequence[Path] = ()) -> NetworkTables:
        """Read all tables, in about a second; raises SettingsError if a custom file cannot be used.

        Custom files are databases (`.mmdb`) or lists (any other name). Lists take precedence over databases,
        and earlier files over later ones.
        """
        try:
            databases = tuple(maxminddb.open_database(file) for file in custom if file.suffix == ".mmdb")
            lists = _lists([file for file in custom if file.suffix != ".mmdb"])
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise SettingsError(f"a network table cannot be used: {error}") from error
        folder = folder or REFERENCE
        tables = {version: Tables.read(folder, version) for version in SIZES}
        hosting, anonymizer = (read_asns(folder / f"x4bnet/{name}_ASN.txt") for name in ("datacenter", "vpn"))
        return cls(tables, hosting, anonymizer, databases, lists)

    def facts(self, ips: Sequence[str | None]) -> Array:
        """The facts about each address, shape (n,) of FACTS, in the same order."""
        facts = _unknown(len(ips))
        packed = [packed_of(ip or "") for ip in ips]
        sizes = np.fromiter(map(len, packed), np.int64, len(packed))
        for version, size in SIZES.items():
            indices = np.flatnonzero(sizes == size)
            if len(indices):
                addresses = sortable_addresses([packed[index] for index in indices])
                order = lookup_order(addresses)
                facts.view(_FACTS_BYTES)[indices[order]] = self._lookup(version, addresses[order]).view(_FACTS_BYTES)
        return facts

    def _lookup(self, version: int, addresses: Array) -> Array:
        facts = self._bundled(self.tables[version], addresses)
        private = reserved_ranges(version).values_of(addresses)
        facts[private] = _unknown(1)
        for database in reversed(self.databases):
            if version <= database.metadata().ip_version:
                for index in np.flatnonzero(~private):
                    _apply_mmdb(facts[index], database.get(_address(addresses[index])))
        return _overlay(self.lists[version].values_of(addresses), facts) if version in self.lists else facts

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
    for name in ("hosting", "anonymizer", "latitude", "longitude", "accuracy_km", "reputation"):
        facts[name] = np.nan
    return facts


def _known(values: Array) -> Array:
    return ~np.isnan(values) if values.dtype.kind == "f" else values != np.zeros(1, values.dtype)


def _overlay(preferred: Array, fallback: Array) -> Array:
    """The facts of `preferred` where they are known, else those of `fallback`, which is changed in place."""
    for name in _NAMES:
        fallback[name] = np.where(_known(preferred[name]), preferred[name], fallback[name])
    return fallback


def _lists(files: Sequence[Path]) -> dict[int, Ranges]:
    lines = [line for file in files for line in read_custom_list(file)]
    by_version = {version: [line for line in lines if line[0].version == version] for version in SIZES}
    return {version: ranges_of_networks(facts, version, _unknown(1)) for version, facts in by_version.items() if facts}


def _address(number: Any) -> IPv4Address | IPv6Address:
    return IPv4Address(int(number)) if isinstance(number, np.integer) else IPv6Address(number.ljust(16, b"\0"))


def _apply_mmdb(facts: Any, record: Any) -> None:
    """Overwrite the facts about one address with those of an `.mmdb` record."""
    if not isinstance(record, dict):
        return
    country, location = record.get("country"), record.get("location")
    traits = record | (record["traits"] if isinstance(record.get("traits"), dict) else {})
    values = {
        "asn": traits.get("autonomous_system_number"),
        "country": country.get("iso_code") if isinstance(country, dict) else None,
        "hosting": traits.get("is_hosting_provider"),
        "anonymizer": traits.get("is_anonymous"),
        "latitude": location.get("latitude") if isinstance(location, dict) else None,
        "longitude": location.get("longitude") if isinstance(location, dict) else None,
        "accuracy_km": location.get("accuracy_radius") if isinstance(location, dict) else None,
    }
    for name, value in values.items():
        if value is not None:
            facts[name] = value


@cache
def lookup(custom: str = "") -> NetworkTables:
    """The tables with the custom files of Settings.network_tables; read at the first call and cached."""
    return NetworkTables.load(custom=[Path(name) for name in custom.split(os.pathsep) if name])


def _columns(facts: Array) -> dict[str, pa.Array]:
    """The facts as Arrow columns of the Event's types, null if unknown."""
    columns = {}
    for name in _NAMES:
        values, unknown = facts[name], ~_known(facts[name])
        if name == "country":
            columns[name] = pa.array(values.tolist(), pa.string(), mask=unknown)
        else:
            columns[name] = pa.array(values == 1.0 if name in ("hosting", "anonymizer") else values, mask=unknown)
    return columns


def fill(table: pa.Table, tables: NetworkTables) -> pa.Table:
    """Fill the unknown network fields of a table of events from their addresses; the riskier fact counts.

    A looked-up accuracy belongs to the looked-up point: it is not filled where the event brings a point of its own.
    """
    filled = conform(table)
    own_point = filled["network.latitude"].is_valid()
    addresses = filled["network.ip"].combine_chunks().dictionary_encode()
    for name, looked_up in _columns(tables.facts(addresses.dictionary.to_pylist())).items():
        column = filled.schema.get_field_index(f"network.{name}")
        values = looked_up.take(addresses.indices)
        if name == "accuracy_km":
            values = pc.if_else(own_point, pa.scalar(None, values.type), values)
        known = _combined(name, filled[column], values)
        filled = filled.set_column(column, filled.schema.field(column), known)
    return filled


def _combined(name: str, declared: Any, found: Any) -> Any:
    """The declared values where they are known, else those found; of facts about risk the riskier ones."""
    if name == "reputation":
        return pc.max_element_wise(declared, found)
    known = pc.coalesce(declared, found)
    return pc.or_(known, pc.coalesce(found, declared)) if name in RISKIER else known


def fill_event(event: Event, tables: NetworkTables) -> Event:
    """Fill the unknown network fields of one event from its address; the riskier fact counts."""
    if event.network.ip is None:
        return event
    facts = _facts_as_fields(event.network.ip, tables)
    missing = {name: value for name, value in facts.items() if getattr(event.network, name) is None}
    if event.network.latitude is not None:
        missing.pop("accuracy_km", None)  # it belongs to the looked-up point
    riskier = {name: facts[name] for name in RISKIER if (facts[name] or 0.0) > (getattr(event.network, name) or 0.0)}
    return event.model_copy(update={"network": event.network.model_copy(update=missing | riskier)})


@lru_cache(maxsize=65_536)
def _facts_as_fields(ip: str, tables: NetworkTables) -> dict[str, Any]:
    return {name: values[0].as_py() for name, values in _columns(tables.facts([ip])).items()}
