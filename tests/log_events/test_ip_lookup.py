"""Enrichment of events by their IP address."""

from __future__ import annotations

import gzip
import os
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.mmdb import Value, write_mmdb

from features.enrichment.ip_lookup import REFERENCE, NetworkTables, fill, fill_event, lookup
from features.enrichment.ip_ranges import reserved_ranges, sortable_addresses
from features.event.arrow import events_of, table_of
from features.event.ip_network import packed_of, prefix_of
from features.event.schema import Event
from features.settings import SettingsError

NOT_PUBLIC = [
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


UNUSUAL = [
    *NOT_PUBLIC,
    "01.2.3.4",
    "1.2.3.4/24",
    "1.2.3.4%eth0",
    "1.2.3.256",
    "1.2.3.4.5",
    "0x1.2.3.4",
    "16909060",
    "\u0661.2.3.4",
    "1.2.3.4\0",
    "\ud800::",
    "fe80::1%eth0",
    "2003::1%eth0",
    "2003::1%",
    "2003::1%a%b",
    "2003::1%a/64",
    "%eth0",
    "::ffff:10.0.0.1",
    "::FFFF:808:808",
    "::ffff:8.8.8.8%eth0",
    "::ffff:08.8.8.8",
    "::8.8.8.8",
    "2003:::1",
    "2003::1::",
    "02003::1",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::",
    "1::2:3:4:5:6:7:8",
    ":1:2:3:4:5:6:7",
    " 2003::1",
    "[2003::1]",
    "9" * 256,
    ":" * 256,
    "2003::1%" + "z" * 256,
]
SPECIAL = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32
192.0.0.9/32 192.0.0.10/32 192.0.0.170/31 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16
192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 ::/128 ::1/128
::/8 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 2001:2::/48
2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20
5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
"""What IANA's registries of special-purpose addresses name."""
LIST = """
# ours
10.0.0.0/8     country=NL hosting=no   # the office
10.20.0.0/16,country=IE
8.8.0.0/16     asn=64496, reputation=0.9
8.8.8.0/24     reputation=0.25
2003::/19      country=FR
2003:0:1::/48  latitude=52.5 longitude=4.75 anonymizer=yes
10.20.0.0/16   country=GB
"""


def parsed(ip: str) -> IPv4Address | IPv6Address | None:
    """Parse an address with `ipaddress`; an IPv4 address within an IPv6 one is the IPv4 address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    return (within(address) if isinstance(address, IPv6Address) else None) or address


def within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address within an IPv6 one: mapped, compatible, NAT64, 6to4, Teredo."""
    last = int(address) & 0xFFFFFFFF
    compatible = int(address) < 2**32 and last >= 2**16
    translated = any(address in ip_network(prefix) for prefix in ("64:ff9b::/96", "64:ff9b:1::/96"))
    if address.ipv4_mapped or compatible or translated:
        return IPv4Address(last)
    if address in ip_network("64:ff9b:1::/48") and (int(address) >> 56) & 255 == 0 and int(address) & (2**40 - 1) == 0:
        return IPv4Address((int(address) >> 64 & 0xFFFF) << 16 | int(address) >> 40 & 0xFFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


WITHIN = (
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:808:8:800::",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
)
"""One host, by every way to write an IPv4 address as an IPv6 one."""


def sample_addresses(seed: int, count: int) -> list[IPv4Address | IPv6Address]:
    """Random addresses of both versions, and those at and next to both ends of every special network."""
    rng = np.random.default_rng(seed)
    v4 = [IPv4Address(int(n)) for n in rng.integers(0, 2**32, count)]
    v6 = [IPv6Address(rng.bytes(16)) for _ in range(count)]
    near = [IPv6Address((0x2001 << 112) + (int(n) << 64)) for n in rng.integers(0, 2**48, count)]
    ends = [
        (type(n[0]), int(n[end]) + step)
        for n in map(ip_network, SPECIAL.split())
        for end in (0, -1)
        for step in (-1, 0, 1)
    ]
    return [*v4, *v6, *near, *(kind(n) for kind, n in ends if 0 <= n < 2 ** kind(0).max_prefixlen)]


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
def test_a_public_address_has_operator_country_hosting_and_anonymiser(
    tables: NetworkTables, ip: str, facts: tuple[object, ...]
) -> None:
    """For IPv4, IPv6 and IPv4-mapped IPv6; an unlisted address is neither, unless its operator is unknown."""
    network = fill_event(event(ip), tables).network

    assert (network.asn, network.country, network.hosting, network.anonymizer) == facts


def test_every_listed_vpn_range_is_an_anonymiser(tables: NetworkTables) -> None:
    """The first address of each published VPN range is an anonymiser."""
    listed = gzip.decompress((REFERENCE / "x4bnet/vpn_ipv4.txt.gz").read_bytes()).decode().split()

    facts = tables.facts([cidr.partition("/")[0] for cidr in listed])

    assert set(facts["anonymizer"].tolist()) == {1.0}


def test_private_and_malformed_addresses_are_unknown(tables: NetworkTables) -> None:
    """Private, reserved and malformed addresses get no facts."""
    facts = [fill_event(event(ip), tables).network.model_dump(exclude={"ip"}) for ip in NOT_PUBLIC]

    assert [set(network.values()) for network in facts] == [{None}] * len(NOT_PUBLIC)


def test_a_table_and_a_single_event_get_the_same_facts(tables: NetworkTables) -> None:
    """`fill` and `fill_event` agree on thousands of addresses, in IPv4 and IPv6."""
    rng = np.random.default_rng(7)
    v4 = [str(ip_address(int(n))) for n in rng.integers(0, 2**32, 2_000)]
    v6 = [str(ip_address((0x2000 << 112) + (int(n) << 80))) for n in rng.integers(0, 2**45, 1_000)]
    events = [event(ip) for ip in [*v4, *v6, *NOT_PUBLIC]]

    assert list(events_of(fill(table_of(events), tables))) == [fill_event(e, tables) for e in events]


def test_ranges_include_both_ends(tables: NetworkTables) -> None:
    """First and last address of a thousand ranges get the operator of the published table."""
    with gzip.open(REFERENCE / "ip-location-db/asn-ipv4.csv.gz", "rt", encoding="utf-8") as lines:
        rows = [line.split(",", 3) for line in lines][::411]

    asns = tables.facts([row[end] for row in rows for end in (0, 1)])["asn"]

    assert asns.tolist() == [int(row[2]) for row in rows for _ in (0, 1)]


@pytest.mark.parametrize("ip", WITHIN)
def test_an_ipv4_address_within_an_ipv6_one_is_looked_up_and_compared_as_the_ipv4_address(
    tables: NetworkTables, ip: str
) -> None:
    """Tunnels and translators hide nobody, and both spellings of a host are one network."""
    facts, plain = (fill_event(event(each), tables).network.model_dump(exclude={"ip"}) for each in (ip, "8.8.8.8"))

    assert (packed_of(ip), prefix_of(ip)) == (packed_of("8.8.8.8"), prefix_of("8.8.8.8"))
    assert facts == plain


def test_known_fields_are_kept(tables: NetworkTables) -> None:
    """Only fields that are null are filled; of two facts about risk the riskier one counts, in a table as well."""
    events = [
        event("8.8.8.8", asn=64496, hosting=False),
        event("91.0.0.1", hosting=True, anonymizer=False, reputation=0.5),
    ]
    one_by_one = [fill_event(each, tables).network for each in events]
    together = [each.network for each in events_of(fill(table_of(events), tables))]

    assert [(each.asn, each.country, each.hosting) for each in one_by_one] == [
        (64496, "US", True),
        (3320, "DE", True),
    ]
    assert together == one_by_one


def test_addresses_are_parsed_as_by_ipaddress() -> None:
    """The fast parser accepts the same texts and gives the same bytes."""
    texts = [*UNUSUAL, *(form for ip in sample_addresses(11, 2_000) for form in (str(ip), ip.exploded))]
    expected = [ip.packed if ip else b"" for ip in map(parsed, texts)]

    assert [packed_of(text) for text in texts] == expected


def test_random_texts_are_parsed_as_by_ipaddress() -> None:
    """The same for random texts composed of parts of addresses."""
    rng = np.random.default_rng(13)
    pieces = [
        "",
        "0",
        "1",
        "01",
        "255",
        "256",
        ".",
        ".",
        ":",
        ":",
        "::",
        "ffff",
        "%",
        "/",
        " ",
        "1.2.3.4",
        "fe80",
        "12345",
    ]
    texts = ["".join(rng.choice(pieces, size)) for size in rng.integers(1, 12, 20_000)]

    assert [packed_of(text) for text in texts] == [ip.packed if ip else b"" for ip in map(parsed, texts)]


@pytest.mark.parametrize("version", [4, 6])
def test_reserved_ranges_are_those_ipaddress_calls_not_global(version: int) -> None:
    """For random addresses, and at and next to both ends of every special network."""
    candidates = [parsed(str(ip)) for ip in sample_addresses(12, 5_000)]
    ips = [ip for ip in candidates if ip and ip.version == version]

    is_reserved = reserved_ranges(version).values_of(sortable_addresses([ip.packed for ip in ips]))

    assert is_reserved.tolist() == [not ip.is_global for ip in ips]


def test_a_custom_mmdb_takes_precedence_over_the_bundled_tables(tmp_path: Path) -> None:
    """It supplies operator, country, location and traits; other facts come from the bundled tables."""
    record: dict[str, Value] = {
        "autonomous_system_number": 64511,
        "country": {"iso_code": "IS"},
        "location": {"latitude": 64.1, "longitude": -21.9, "accuracy_radius": 20},
        "traits": {"is_anonymous": True},
    }
    tables = NetworkTables.load(custom=[write_mmdb(tmp_path / "custom.mmdb", {"8.8.8.0/24": record})])

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
    assert (inside.accuracy_km, outside.accuracy_km) == (20.0, None)
    located = event("8.8.8.8").model_copy(update={"network": inside.model_copy(update={"accuracy_km": None})})
    assert fill_event(located, tables).network.accuracy_km is None, "the radius of another point"
    assert fill(table_of([located, event("8.8.8.8")]), tables)["network.accuracy_km"].to_pylist() == [None, 20.0]


def test_an_ipv4_mmdb_is_not_used_for_ipv6(tmp_path: Path) -> None:
    """A lookup of an IPv6 address in it would raise an error."""
    tables = NetworkTables.load(custom=[write_mmdb(tmp_path / "custom.mmdb", {"8.8.8.0/24": {}})])

    assert tables.facts(["2003::1"])["asn"].tolist() == [3320]


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> NetworkTables:
    """The bundled tables with a custom list."""
    file = tmp_path_factory.mktemp("lists") / "ours.txt"
    file.write_text(LIST, encoding="utf-8")
    return lookup(str(file))


@pytest.mark.parametrize(
    ("ip", "facts"),
    [
        ("10.1.2.3", {"country": "NL", "hosting": False}),
        ("10.20.255.255", {"country": "IE", "hosting": False}),
        ("10.21.0.0", {"country": "NL", "hosting": False}),
        ("::ffff:10.20.0.0", {"country": "IE", "hosting": False}),
        ("11.0.0.0", {"asn": 749, "country": "US", "hosting": False, "anonymizer": False}),
        ("192.168.0.1", {}),
        ("8.8.8.8", {"asn": 64496, "country": "US", "hosting": True, "anonymizer": False, "reputation": 0.25}),
        ("8.8.9.0", {"asn": 64496, "country": "US", "hosting": False, "anonymizer": False, "reputation": 0.9}),
        ("2003::1", {"asn": 3320, "country": "FR", "hosting": False, "anonymizer": False}),
        (
            "2003:0:1::7",
            {"asn": 3320, "country": "FR", "hosting": False, "anonymizer": True, "latitude": 52.5, "longitude": 4.75},
        ),
    ],
)
def test_in_a_custom_list_the_longest_prefix_applies(listing: NetworkTables, ip: str, facts: dict[str, object]) -> None:
    """For each fact, then the first line; also for private ranges; other facts come from the bundled tables."""
    network = fill_event(event(ip), listing).network

    assert network.model_dump(exclude={"ip"}, exclude_none=True) == facts


def test_with_a_list_a_table_and_a_single_event_get_the_same_facts(listing: NetworkTables) -> None:
    """`fill` and `fill_event` agree inside the listed networks, next to them and for malformed addresses."""
    ips = ["10.1.2.3", "10.20.0.0", "8.8.8.8", "8.8.9.0", "8.9.0.0", "2003:0:1::7", "2003:0:2::", *NOT_PUBLIC]
    events = [event(ip) for ip in ips]

    assert list(events_of(fill(table_of(events), listing))) == [fill_event(e, listing) for e in events]


def test_lists_take_precedence_over_databases_and_earlier_files_over_later(tmp_path: Path) -> None:
    """Lists apply first in any order of files; among lists and among databases the first file applies."""
    first, second, listed = tmp_path / "first.mmdb", tmp_path / "second.mmdb", tmp_path / "list.csv"
    write_mmdb(first, {"8.8.8.0/24": {"country": {"iso_code": "IS"}, "autonomous_system_number": 1}})
    write_mmdb(second, {"8.8.8.0/24": {"country": {"iso_code": "DE"}, "traits": {"is_anonymous": True}}})
    listed.write_text("8.8.8.8,asn=2", encoding="utf-8")

    facts = lookup(os.pathsep.join(map(str, (first, second, listed)))).facts(["8.8.8.8", "8.8.8.9"])

    assert facts[["asn", "country", "anonymizer"]].tolist() == [(2, "IS", 1.0), (1, "IS", 1.0)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "203.0.113.0/33 asn=1",
            "'203.0.113.0/33' is not a network; write one such as 203.0.113.0/24 or 2001:db8::/32",
        ),
        ("network,asn=1", "'network' is not a network; write one such as 203.0.113.0/24 or 2001:db8::/32"),
        ("203.0.113.7/24 asn=1", "'203.0.113.7/24' has bits beyond its prefix; write 203.0.113.0/24"),
        ("2001:db8::7/32 asn=1", "'2001:db8::7/32' has bits beyond its prefix; write 2001:db8::/32"),
        ("::ffff:10.0.0.0/104 asn=1", "'::ffff:10.0.0.0/104' is IPv4 within IPv6; write 10.0.0.0/8"),
        ("64:ff9b::a00:0/104 asn=1", "'64:ff9b::a00:0/104' is IPv4 within IPv6; write 10.0.0.0/8"),
        ("2002:a00:1::/128 asn=1", "'2002:a00:1::/128' is IPv4 within IPv6; write 10.0.0.1/32"),
        ("10.0.0.0/8", "this network has no facts; add one, such as hosting=yes"),
        ("10.0.0.0/8 NL", "'NL' is not a fact; write a name and a value, such as country=NL"),
        ("10.0.0.0/8 asn=1 asn=2", "asn is given twice; write it once"),
        (
            "10.0.0.0/8 operator=1",
            "'operator' is not a known fact; write one of asn, country, hosting, anonymizer, latitude, longitude, acc",
        ),
        ("10.0.0.0/8 asn=0", "asn is '0'; it must be a whole number from 1 to 4294967295, such as asn=64496"),
        ("10.0.0.0/8 country=nl", "country is 'nl'; it must be two capitals, such as country=NL"),
        ("10.0.0.0/8 hosting=maybe", "hosting is 'maybe'; it must be yes or no"),
        (
            "10.0.0.0/8 reputation=1.5",
            "reputation is '1.5'; it must be a number from 0 (clean) to 1 (known bad), such as ",
        ),
        ("10.0.0.0/8 latitude=nan", "latitude is 'nan'; it must be degrees from -90 to 90, such as latitude=52.4"),
    ],
)
def test_an_invalid_line_is_reported_with_what_to_write_instead(tmp_path: Path, line: str, message: str) -> None:
    """The error names the file, the line, the problem and the correct form."""
    file = tmp_path / "ours.txt"
    file.write_text(f"# ours\n\n{line}\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=f"^{re.escape(f'{file}, line 3: {message}')}"):
        NetworkTables.load(custom=[file])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ours.txt", None, "No such file"),
        ("ours.mmdb", None, "No such file"),
        ("ours.mmdb", b"10.0.0.0/8 asn=1", "MaxMind"),
        ("ours.db", b"\xab\xcd\xefMaxMind.com", "must be named *.mmdb"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """A missing file, and a file of another type than its name says."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(
        SettingsError, match=f"{re.escape(name)}.*{re.escape(message)}|{re.escape(message)}.*{re.escape(name)}"
    ):
        NetworkTables.load(custom=[tmp_path / name])
