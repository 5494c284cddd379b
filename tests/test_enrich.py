"""What follows from an address."""

from __future__ import annotations

import gzip
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmdb import Value, write_mmdb

from features.columns import events_of, table_of
from features.enrich import REFERENCE, NetworkTables, fill, fill_event, lookup
from features.event import Event

NOBODYS = [
    "10.1.2.3",
    "127.0.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "fe80::1",
    "2001:db8::1",
    "::1",
    "0.0.0.0",
    "255.255.255.255",
    "08.1.250.216",
    "1.2.3",
    "1.2.3.4 ",
    "ec2.amazonaws.com",
    "AWS Internal",
    "",
]


@pytest.fixture(scope="module")
def tables() -> NetworkTables:
    """The bundled tables."""
    return lookup()


def event(ip: str | None, **network: Any) -> Event:
    """An event from an address."""
    return Event.model_validate(
        {
            "time": "2026-03-02T09:00:00Z",
            "identity": {"id": "ada", "type": "human"},
            "action": {"name": "s3:GetObject"},
            "network": {"ip": ip or None, **network},
        }
    )


@pytest.mark.parametrize(
    ("ip", "facts"),
    [
        ("8.8.8.8", (15169, "US", True, False)),
        ("2001:4860:4860::8888", (15169, "US", True, False)),
        ("::ffff:8.8.8.8", (15169, "US", True, False)),
        ("52.95.110.1", (16509, "US", True, False)),
        ("91.0.0.1", (3320, "DE", False, False)),
        ("2003::1", (3320, "DE", False, False)),
        ("1.2.3.4", (None, "AU", None, None)),
    ],
)
def test_a_public_address_tells_operator_country_hosting_and_anonymiser(
    tables: NetworkTables, ip: str, facts: tuple[object, ...]
) -> None:
    """IPv4, IPv6 and IPv4 within IPv6 alike; what the lists lack is neither, unless nobody knows its operator."""
    network = fill_event(event(ip), tables).network

    assert (network.asn, network.country, network.hosting, network.anonymizer) == facts


def test_every_listed_range_is_what_it_is_listed_as(tables: NetworkTables) -> None:
    """The first address of each published VPN range is an anonymiser's."""
    listed = gzip.decompress((REFERENCE / "x4bnet/vpn_ipv4.txt.gz").read_bytes()).decode().split()

    facts = tables.facts([cidr.partition("/")[0] for cidr in listed])

    assert set(facts["anonymizer"].tolist()) == {1.0}


def test_private_and_malformed_addresses_are_unknown(tables: NetworkTables) -> None:
    """Nothing is said of an address that belongs to nobody or is none."""
    said = [fill_event(event(ip), tables).network.model_dump(exclude={"ip"}) for ip in NOBODYS]

    assert [set(network.values()) for network in said] == [{None}] * len(NOBODYS)


def test_a_table_and_a_single_event_get_the_same(tables: NetworkTables) -> None:
    """`fill` and `fill_event` agree on thousands of addresses, in IPv4 and IPv6."""
    rng = np.random.default_rng(7)
    v4 = [str(ip_address(int(n))) for n in rng.integers(0, 2**32, 2_000)]
    v6 = [str(ip_address((0x2000 << 112) + (int(n) << 80))) for n in rng.integers(0, 2**45, 1_000)]
    events = [event(ip) for ip in [*v4, *v6, *NOBODYS]]

    assert list(events_of(fill(table_of(events), tables))) == [fill_event(e, tables) for e in events]


def test_the_ends_of_every_range_lie_in_it(tables: NetworkTables) -> None:
    """First and last address of a thousand ranges get the operator that the published table names."""
    with gzip.open(REFERENCE / "ip-location-db/asn-ipv4.csv.gz", "rt", encoding="utf-8") as lines:
        rows = [line.split(",", 3) for line in lines][::411]

    found = tables.facts([row[end] for row in rows for end in (0, 1)])["asn"]

    assert found.tolist() == [int(row[2]) for row in rows for _ in (0, 1)]


def test_what_the_caller_knows_better_stands(tables: NetworkTables) -> None:
    """Only fields that are null are filled."""
    network = fill_event(event("8.8.8.8", asn=64496, hosting=False), tables).network

    assert (network.asn, network.country, network.hosting) == (64496, "US", False)


def test_your_own_mmdb_goes_before_the_bundled_tables(tmp_path: Path) -> None:
    """It says operator, country, place and traits; where it is silent the bundled tables speak."""
    yours: dict[str, Value] = {
        "autonomous_system_number": 64511,
        "country": {"iso_code": "IS"},
        "location": {"latitude": 64.1, "longitude": -21.9},
        "traits": {"is_anonymous": True},
    }
    tables = NetworkTables.load(mmdb=write_mmdb(tmp_path / "yours.mmdb", {"8.8.8.0/24": yours}))

    inside, outside = (fill_event(event(ip), tables).network for ip in ("8.8.8.8", "52.95.110.1"))

    assert (inside.asn, inside.country, inside.latitude, inside.longitude, inside.hosting, inside.anonymizer) == (
        64511,
        "IS",
        64.1,
        -21.9,
        True,
        True,
    )
    assert (outside.asn, outside.latitude) == (16509, None)
