"""Where requests come from: real networks with their operator, country and place, from `networks.csv`.

A test holds them against the bundled tables, so that a simulated address says what an imported one would.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
FACTS = ("ip", "asn", "country", "latitude", "longitude", "hosting", "anonymizer", "reputation")


@cache
def networks() -> pd.DataFrame:
    """One row per network: kind (home, mobile, hosting, gateway, vpn), what is known of it, first address, span."""
    table = pd.read_csv(Path(__file__).with_name("networks.csv"), keep_default_na=False)
    ranges = [ip_network(prefix) for prefix in table["prefix"]]
    table["first"] = [int(each.network_address) for each in ranges]
    table["span"] = [each.num_addresses for each in ranges]
    return table.astype({"hosting": bool, "anonymizer": bool})


@cache
def places(*kinds: str, country: str | None = None) -> tuple[int, ...]:
    """The rows of `networks` of these kinds, in one country if given; empty where there are none."""
    table = networks()
    wanted = table["kind"].isin(kinds) & ((table["country"] == country) | (country is None))
    return tuple(np.flatnonzero(wanted).tolist())


def addresses(network: Array, host: Array) -> Array:
    """The addresses of hosts (wrapped to the network's size) as text, shape (n,)."""
    table = networks()
    number = table["first"].to_numpy()[network] + host % table["span"].to_numpy()[network]
    distinct, places_ = np.unique(number, return_inverse=True)
    text = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in distinct.tolist()]
    found: Array = np.array(text, dtype=object)[places_]
    return found


def reputations(network: Array, host: Array) -> Array:
    """0 clean to 1 known bad: one value an address, worse for hosting and anonymisers, but not always."""
    table = networks()
    shady = (table["hosting"] | table["anonymizer"]).to_numpy()[network]
    spread = (host * 2_654_435_761 + network * 40_503) % 1_000 / 1_000
    found: Array = np.round(np.where(shady, spread**2 * 0.9, spread**6 * 0.9), 2)
    return found


def facts(network: Array, host: Array) -> dict[str, Array]:
    """The `network.*` columns of events from these hosts; the place lies within some 20 km of the network's city."""
    table = networks()
    around = (host % 41 - 20) / 100
    columns = {name: table[name].to_numpy()[network] for name in ("asn", "country", "hosting", "anonymizer")}
    columns["latitude"] = np.round(table["latitude"].to_numpy()[network] + around, 2)
    columns["longitude"] = np.round(table["longitude"].to_numpy()[network] - around, 2)
    columns["ip"], columns["reputation"] = addresses(network, host), reputations(network, host)
    return {f"network.{name}": columns[name] for name in FACTS}
