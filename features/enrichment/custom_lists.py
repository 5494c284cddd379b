"""Custom network lists: one network per line with facts about it, validated as an event's network fields are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_interface
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from features.enrichment.ip_ranges import Network
from features.event.ip_network import embedded_ipv4
from features.event.schema import Network as NetworkFacts
from features.settings import SettingsError

_MUST_BE = {
    "asn": "a whole number from 1 to 4294967295, such as asn=64496",
    "country": "two capitals, such as country=NL",
    "hosting": "yes or no",
    "anonymizer": "yes or no",
    "latitude": "degrees from -90 to 90, such as latitude=52.4",
    "longitude": "degrees from -180 to 180, such as longitude=4.9",
    "accuracy_km": "kilometres from 0 to 20040, such as accuracy_km=50",
    "reputation": "a number from 0 (clean) to 1 (known bad), such as reputation=0.9",
}
"""The facts a list may state, and what their values must be."""


def read_custom_list(file: Path) -> list[tuple[Network, dict[str, Any]]]:
    """Each network of a list with its facts; raises SettingsError naming file, line and what to write instead."""
    return [(line.network, _validated(line)) for line in _parse(file)]


@dataclass(frozen=True)
class _Line:
    """A line of a list: its position (file and line), the network, and its facts as written."""

    position: str
    network: Network
    facts: Mapping[str, str]


def _parse(file: Path) -> Iterator[_Line]:
    """Yield lines such as `203.0.113.0/24 asn=64496 country=NL # comment`, separated by blanks or commas.

    Raises SettingsError naming file, line and what to write instead.
    """
    for number, line in enumerate(_read_lines(file), start=1):
        network, *pairs = line.partition("#")[0].replace(",", " ").split() or [""]
        if network:
            position = f"{file}, line {number}"
            yield _Line(position, _network(network, position), _pairs(pairs, position))


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is not text; a list of networks is UTF-8, a database must be named *.mmdb"
        ) from error


def _network(text: str, position: str) -> Network:
    try:
        given = ip_interface(text)
    except ValueError:
        raise SettingsError(
            f"{position}: {text!r} is not a network; write one such as 203.0.113.0/24 or 2001:db8::/32"
        ) from None
    network = given.network
    embedded = embedded_ipv4(network.network_address.packed) if isinstance(network, IPv6Network) else b""
    if isinstance(network, IPv6Network) and embedded and network.prefixlen >= 96:
        raise SettingsError(f"{position}: {text!r} is IPv4 within IPv6; write {_embedded_network(network, embedded)}")
    if int(given) != int(network.network_address):
        raise SettingsError(f"{position}: {text!r} has bits beyond its prefix; write {network}")
    return network


def _embedded_network(network: IPv6Network, embedded: bytes) -> str:
    """The IPv4 network that addresses within an IPv6 one are looked up in."""
    kept = network.prefixlen - 96 if network.network_address.packed.endswith(embedded) else 32
    return f"{IPv4Address(embedded)}/{kept}"


def _pairs(pairs: Sequence[str], position: str) -> dict[str, str]:
    facts: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"{position}: {pair!r} is not a fact; write a name and a value, such as country=NL")
        if name in facts:
            raise SettingsError(f"{position}: {name} is given twice; write it once")
        facts[name] = value
    if not facts:
        raise SettingsError(f"{position}: this network has no facts; add one, such as hosting=yes")
    return facts


def _validated(line: _Line) -> dict[str, Any]:
    """The facts of a line, validated and converted."""
    for name in line.facts.keys() - _MUST_BE.keys():
        raise SettingsError(f"{line.position}: {name!r} is not a known fact; write one of {', '.join(_MUST_BE)}")
    try:
        return NetworkFacts.model_validate_strings(line.facts).model_dump(exclude_none=True)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise SettingsError(f"{line.position}: {name} is {line.facts[name]!r}; it must be {_MUST_BE[name]}") from None
