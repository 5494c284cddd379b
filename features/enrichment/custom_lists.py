"""Your own lists of networks: a line each, with what you know of it, held to what an event may say of its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_interface
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from features.enrichment.ip_ranges import Network
from features.event.schema import Network as NetworkFacts
from features.settings import SettingsError

_MUST_BE = {
    "asn": "a whole number from 1 to 4294967295, such as asn=64496",
    "country": "two capitals, such as country=NL",
    "hosting": "yes or no",
    "anonymizer": "yes or no",
    "latitude": "degrees from -90 to 90, such as latitude=52.4",
    "longitude": "degrees from -180 to 180, such as longitude=4.9",
    "reputation": "a number from 0 (clean) to 1 (known bad), such as reputation=0.9",
}
"""What a list may say of a network, and how."""


def said_by(file: Path) -> list[tuple[Network, dict[str, Any]]]:
    """Every network of a list and what is known of it; raises SettingsError naming file, line and what to write."""
    return [(line.network, _checked(line)) for line in _listed(file)]


@dataclass(frozen=True)
class _Listed:
    """A line of a list: its place (file and line), the network, and what is said of it, as written."""

    place: str
    network: Network
    said: Mapping[str, str]


def _listed(file: Path) -> Iterator[_Listed]:
    """Read lines such as `203.0.113.0/24 asn=64496 country=NL # ours`; commas do as well as blanks.

    Raises SettingsError naming file, line and what to write instead.
    """
    for number, line in enumerate(_lines(file), start=1):
        network, *pairs = line.partition("#")[0].replace(",", " ").split() or [""]
        if network:
            place = f"{file}, line {number}"
            yield _Listed(place, _network(network, place), _pairs(pairs, place))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is no text; a list of networks is UTF-8, a database must be named *.mmdb"
        ) from error


def _network(text: str, place: str) -> Network:
    try:
        given = ip_interface(text)
    except ValueError:
        raise SettingsError(
            f"{place}: {text!r} is no network; write one such as 203.0.113.0/24 or 2001:db8::/32"
        ) from None
    network = given.network
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped and network.prefixlen >= 96:
        raise SettingsError(f"{place}: {text!r} is IPv4 within IPv6; write {mapped}/{network.prefixlen - 96}")
    if int(given) != int(network.network_address):
        raise SettingsError(f"{place}: {text!r} has bits beyond its prefix; write {network}")
    return network


def _pairs(pairs: Sequence[str], place: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"{place}: {pair!r} is no fact; write its name and its value, such as country=NL")
        if name in said:
            raise SettingsError(f"{place}: {name} is said twice; write it once")
        said[name] = value
    if not said:
        raise SettingsError(f"{place}: nothing is said of this network; add a fact, such as hosting=yes")
    return said


def _checked(line: _Listed) -> dict[str, Any]:
    """What a line says, held to what an event may say of its network."""
    for name in line.said.keys() - _MUST_BE.keys():
        raise SettingsError(f"{line.place}: nothing is called {name!r}; write one of {', '.join(_MUST_BE)}")
    try:
        return NetworkFacts.model_validate_strings(line.said).model_dump(exclude_none=True)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise SettingsError(f"{line.place}: {name} is {line.said[name]!r}; it must be {_MUST_BE[name]}") from None
