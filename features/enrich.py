"""What follows from an address alone: network operator, country, hosting provider, anonymiser.

From the bundled tables (see data/README.md), or from your own `.mmdb` in MaxMind's format. Private, reserved and
malformed addresses are unknown. A listed hosting or VPN range is one; an address whose operator is known but which no
list holds is taken for neither; of an address nobody knows, nothing is said. Only fields the event leaves open are
filled, so what a caller knows better stands.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton

import maxminddb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import conform
from features.event import Event
from features.measures import Array

REFERENCE = Path(__file__).parent.parent / "data" / "reference"
"""The bundled tables."""


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of an address; None where nothing is."""

    asn: int | None = None
    country: str | None = None
    hosting: bool | None = None
    anonymizer: bool | None = None


Lookup = Callable[[str], NetworkFacts]
NOTHING = NetworkFacts()


@dataclass(frozen=True)
class Ranges:
    """Disjoint ranges of addresses of one IP version, as sorted 64-bit starts and ends, and a value for each.

    IPv6 is looked up by its upper half: no table here divides a /64.
    """

    starts: Array
    ends: Array
    values: Sequence[str]

    def value(self, address: IPv4Address | IPv6Address) -> str | None:
        """The value of the range that holds the address, if one does."""
        number = _number(address)
        place = int(np.searchsorted(self.starts, np.uint64(number), side="right")) - 1
        return self.values[place] if place >= 0 and number <= int(self.ends[place]) else None


def _number(address: IPv4Address | IPv6Address) -> int:
    return int(address) >> (64 if address.version == 6 else 0)


def _public(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed if parsed.is_global else None


def bundled(folder: Path = REFERENCE) -> Lookup:
    """Look addresses up in the bundled tables; raises OSError when a table is missing."""
    asns = {v: _ranges(_rows(folder / f"ip-location-db/asn-ipv{v}.csv.gz")) for v in (4, 6)}
    countries = {v: _ranges(_rows(folder / f"ip-location-db/asn-country-ipv{v}.csv.gz")) for v in (4, 6)}
    hosting = {v: _ranges(_networks(folder / f"x4bnet/datacenter_ipv{v}.txt.gz")) for v in (4, 6)}
    vpn = {v: _ranges(_networks(folder / f"x4bnet/vpn_ipv{v}.txt.gz")) for v in (4, 6)}
    hosting_asns = _numbers(folder / "x4bnet/datacenter_ASN.txt")
    vpn_asns = _numbers(folder / "x4bnet/vpn_ASN.txt")

    @lru_cache(maxsize=262_144)
    def facts(text: str) -> NetworkFacts:
        address = _public(text)
        if address is None:
            return NOTHING
        version = address.version
        asn, country = asns[version].value(address), countries[version].value(address)
        listed_host = hosting[version].value(address) is not None or asn in hosting_asns
        listed_vpn = vpn[version].value(address) is not None or asn in vpn_asns
        return NetworkFacts(
            asn=int(asn) if asn else None,
            country=country,
            hosting=listed_host or listed_vpn or (False if asn else None),
            anonymizer=listed_vpn or (False if asn else None),
        )

    return facts


def from_mmdb(file: Path) -> Lookup:
    """Look addresses up in a MaxMind-format database; raises OSError or maxminddb's InvalidDatabaseError."""
    reader = maxminddb.open_database(str(file))

    @lru_cache(maxsize=262_144)
    def facts(text: str) -> NetworkFacts:
        address = _public(text)
        found = reader.get(str(address)) if address else None
        return _mmdb_facts(found) if isinstance(found, dict) else NOTHING

    return facts


def _mmdb_facts(found: dict[str, object]) -> NetworkFacts:
    country = found.get("country")
    traits = found.get("traits")
    merged = found | (traits if isinstance(traits, dict) else {})
    asn = merged.get("autonomous_system_number")
    hosting, anonymous = merged.get("is_hosting_provider"), merged.get("is_anonymous")
    return NetworkFacts(
        asn=asn if isinstance(asn, int) and asn > 0 else None,
        country=country.get("iso_code") if isinstance(country, dict) else None,
        hosting=hosting if isinstance(hosting, bool) else None,
        anonymizer=anonymous if isinstance(anonymous, bool) else None,
    )


@cache
def lookup(network_tables: str) -> Lookup:
    """The look-up of a deployment: its own `.mmdb` when the setting names one, else the bundled tables."""
    return from_mmdb(Path(network_tables)) if network_tables else bundled()


_FILLED = ("asn", "country", "hosting", "anonymizer")


def fill_event(event: Event, facts_of: Lookup) -> Event:
    """The event with what follows from its address, where it leaves that open."""
    if event.network.ip is None:
        return event
    facts = facts_of(event.network.ip)
    open_fields = {
        name: getattr(facts, name)
        for name in _FILLED
        if getattr(event.network, name) is None and getattr(facts, name) is not None
    }
    if not open_fields:
        return event
    return event.model_copy(update={"network": event.network.model_copy(update=open_fields)})


def fill(table: pa.Table, facts_of: Lookup) -> pa.Table:
    """The events with what follows from their addresses, where they leave that open; the same look-up as one by one."""
    filled = conform(table)
    coded = filled["network.ip"].combine_chunks().dictionary_encode()
    facts = [facts_of(address) for address in coded.dictionary.to_pylist()]
    for name in _FILLED:
        column = f"network.{name}"
        place = filled.schema.get_field_index(column)
        known = pa.array([getattr(fact, name) for fact in facts], filled.schema.field(column).type)
        filled = filled.set_column(place, column, pc.coalesce(filled[column], known.take(coded.indices)))
    return filled


def _packed(address: str) -> int:
    """The same number as `_number`, for the half million well-formed addresses of a table."""
    if ":" in address:
        return int.from_bytes(inet_pton(AF_INET6, address)[:8], "big")
    return int.from_bytes(inet_pton(AF_INET, address), "big")


def _rows(file: Path) -> Iterator[tuple[int, int, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for start, end, value, *_ in csv.reader(text):
            yield _packed(start), _packed(end), value


def _networks(file: Path) -> Iterator[tuple[int, int, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as text:
        for line in text:
            if line.strip():
                network = ip_network(line.strip())
                yield _number(network.network_address), _number(network.broadcast_address), "listed"


def _ranges(rows: Iterable[tuple[int, int, str]]) -> Ranges:
    starts, ends, values = zip(*sorted(rows), strict=True)
    return Ranges(np.array(starts, np.uint64), np.array(ends, np.uint64), values)


def _numbers(file: Path) -> frozenset[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split("#")[0].strip().removeprefix("AS") for line in lines if line.startswith("AS"))
