"""What follows from an address alone: network operator, country, hosting provider, anonymiser, place.

From the bundled tables (see data/README.md) or, where it says more, your own `.mmdb` in MaxMind's format. One look-up
serves a whole table and a single event, so both say the same. Only what an event leaves open is filled.

Private, reserved, scrambled and malformed addresses are unknown. A listed range or operator is a hosting provider (or
an anonymiser). The lists are not complete, yet an address they lack is taken for neither where its operator is known:
what drifts is the habit, and it drifts the same for all. Where nobody knows the operator, nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import conform
from features.event import Event
from features.measures import Array
from features.ranges import Ranges, as_numbers, networks, numbers, ranges

REFERENCE = Path(__file__).parent.parent / "data" / "reference"
"""The bundled tables."""

FACTS = np.dtype(
    [("asn", "i8"), ("country", "U2"), ("hosting", "f8"), ("anonymizer", "f8"), ("latitude", "f8"), ("longitude", "f8")]
)
"""What is known of an address. Unknown is 0 for the operator, empty for the country, NaN for the rest."""


@dataclass(frozen=True)
class Tables:
    """The bundled tables of one IP version; values of `hosting` and `anonymizer` are listed or not."""

    asn: Ranges
    country: Ranges
    hosting: Ranges
    anonymizer: Ranges

    @classmethod
    def read(cls, folder: Path, version: int) -> Tables:
        places, lists = folder / "ip-location-db", folder / "x4bnet"
        return cls(
            ranges(places / f"asn-ipv{version}.csv.gz", version, np.int64),
            ranges(places / f"asn-country-ipv{version}.csv.gz", version, np.str_),
            networks(lists / f"datacenter_ipv{version}.txt.gz", version),
            networks(lists / f"vpn_ipv{version}.txt.gz", version),
        )


@dataclass(frozen=True, eq=False)
class NetworkTables:
    """The bundled tables of both IP versions, with the operators that are hosts or anonymisers, and your `.mmdb`."""

    tables: dict[int, Tables]
    hosting_asns: Array
    anonymizer_asns: Array
    mmdb: maxminddb.Reader | None

    @classmethod
    def load(cls, folder: Path | None = None, mmdb: Path | None = None) -> NetworkTables:
        """Read everything, in about a second; raises OSError, or maxminddb's InvalidDatabaseError, for a bad file."""
        folder = folder or REFERENCE
        tables = {version: Tables.read(folder, version) for version in (4, 6)}
        hosting, anonymizer = (numbers(folder / f"x4bnet/{name}_ASN.txt") for name in ("datacenter", "vpn"))
        return cls(tables, hosting, anonymizer, maxminddb.open_database(mmdb) if mmdb else None)

    def facts(self, ips: Sequence[str | None]) -> Array:
        """What is known of each address: shape (n,) of FACTS, in their order."""
        facts = _unknown(len(ips))
        public = [_public(ip) for ip in ips]
        for version, tables in self.tables.items():
            places = [place for place, ip in enumerate(public) if ip is not None and ip.version == version]
            if places:
                facts[places] = self._bundled(tables, as_numbers([public[place].packed for place in places]))  # type: ignore[union-attr]
        if self.mmdb is not None:
            for place, ip in enumerate(public):
                _overlay(facts[place], self.mmdb.get(ip) if ip else None)
        return facts

    def _bundled(self, tables: Tables, addresses: Array) -> Array:
        facts = _unknown(len(addresses))
        facts["asn"], facts["country"] = tables.asn.values_of(addresses), tables.country.values_of(addresses)
        known = facts["asn"] != 0
        for name, listed, operators in (
            ("hosting", tables.hosting, self.hosting_asns),
            ("anonymizer", tables.anonymizer, self.anonymizer_asns),
        ):
            positive = listed.values_of(addresses) | np.isin(facts["asn"], operators)
            facts[name] = np.where(positive, 1.0, np.where(known, 0.0, np.nan))
        return facts


def _unknown(count: int) -> Array:
    facts = np.zeros(count, FACTS)
    for name in ("hosting", "anonymizer", "latitude", "longitude"):
        facts[name] = np.nan
    return facts


def _public(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(text or "")
    except ValueError:
        return None
    ip = (ip.ipv4_mapped if isinstance(ip, IPv6Address) else None) or ip
    return ip if ip.is_global else None


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
def lookup(mmdb: str = "") -> NetworkTables:
    """The tables of this process, read at the first call, with the `.mmdb` that Settings.network_tables names."""
    return NetworkTables.load(mmdb=Path(mmdb) if mmdb else None)


def _columns(facts: Array) -> dict[str, pa.Array]:
    """The facts as Arrow columns of the Event's types, null where unknown."""
    columns = {
        "asn": pa.array(facts["asn"], mask=facts["asn"] == 0),
        "country": pa.array(facts["country"].tolist(), pa.string(), mask=facts["country"] == ""),
    }
    for name in ("hosting", "anonymizer"):
        columns[name] = pa.array(facts[name] == 1.0, mask=np.isnan(facts[name]))
    for name in ("latitude", "longitude"):
        columns[name] = pa.array(facts[name], mask=np.isnan(facts[name]))
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
