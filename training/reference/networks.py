"""The networks that simulated requests come from: real ones, with operator, country and location, from `networks.csv`.

A test compares them with the bundled tables, so a simulated address has the same facts as an imported one.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
_COLUMNS = ("ip", "asn", "country", "latitude", "longitude", "accuracy_km", "hosting", "anonymizer", "reputation")
_SPOTS = 41
"""Distinct locations of hosts around a city, a hundredth of a degree apart."""

_ACCURACIES_KM = np.array([20.0, 50.0, 20.0, 100.0, 50.0, 200.0, 500.0])
"""How far off the location of a network may be, by network: the radii that databases of addresses state. None is
smaller than the distance between the hosts of a network."""


@cache
def network_table() -> pd.DataFrame:
    """One row per network: kind (home, mobile, hosting, gateway, vpn), facts, first address and number of addresses."""
    table = pd.read_csv(Path(__file__).with_name("networks.csv"), keep_default_na=False)
    ranges = [ip_network(prefix) for prefix in table["prefix"]]
    table["first"] = [int(each.network_address) for each in ranges]
    table["span"] = [each.num_addresses for each in ranges]
    return table.astype({"hosting": bool, "anonymizer": bool})


@cache
def networks_of_kind(*kinds: str, country: str | None = None) -> tuple[int, ...]:
    """Row numbers in `network_table` of these kinds, in one country if given; empty where there are none."""
    table = network_table()
    wanted = table["kind"].isin(kinds) & ((table["country"] == country) | (country is None))
    return tuple(np.flatnonzero(wanted).tolist())


def _addresses(network: Array, host: Array) -> Array:
    """Addresses as text, shape (n,); host numbers beyond the network's size start again at its first address."""
    table = network_table()
    number = table["first"].to_numpy()[network] + host % table["span"].to_numpy()[network]
    distinct, inverse = np.unique(number, return_inverse=True)
    text = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in distinct.tolist()]
    addresses: Array = np.array(text, dtype=object)[inverse]
    return addresses


def _reputations(network: Array, host: Array) -> Array:
    """One value per address, from 0 (clean) to 1 (known bad): mostly worse for hosting and anonymizers."""
    table = network_table()
    suspicious = (table["hosting"] | table["anonymizer"]).to_numpy()[network]
    # A hash of the address, not a draw: an address has the same reputation in every session and every world.
    uniform = (host * 2_654_435_761 + network * 40_503) % 1_000 / 1_000
    reputations: Array = np.round(np.where(suspicious, uniform**2 * 0.9, uniform**6 * 0.9), 2)
    return reputations


def network_columns(network: Array, host: Array) -> dict[str, Array]:
    """The `network.*` columns of events from these hosts, each of shape (n,).

    `network` are row numbers of `network_table`, `host` any non-negative integers. The location of a host lies within
    some 20 km of its network's city, always at the same spot.
    """
    table = network_table()
    offset_degrees = (host % _SPOTS - _SPOTS // 2) / 100
    columns = {name: table[name].to_numpy()[network] for name in ("asn", "country", "hosting", "anonymizer")}
    columns["latitude"] = np.round(table["latitude"].to_numpy()[network] + offset_degrees, 2)
    columns["longitude"] = np.round(table["longitude"].to_numpy()[network] - offset_degrees, 2)
    columns["accuracy_km"] = _ACCURACIES_KM[network % len(_ACCURACIES_KM)]
    columns["ip"], columns["reputation"] = _addresses(network, host), _reputations(network, host)
    return {f"network.{name}": columns[name] for name in _COLUMNS}
