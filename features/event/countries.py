"""Countries as numbers, and how far apart any two are at least: between their nearest cities above 100,000 people.

The table is derived from GeoNames (see data/README.md). A country that it lacks is as far from any other as nobody
knows.
"""

from __future__ import annotations

import gzip
import re
from itertools import product
from string import ascii_uppercase

import numpy as np

from features.arrays import Array
from features.data_files import data_folder

DISTANCES = data_folder() / "reference" / "geonames" / "country-distances.csv.gz"
"""Lines `country,other,km`, each pair once."""
_CODES = {first + second: number for number, (first, second) in enumerate(product(ascii_uppercase, repeat=2), start=1)}
UNKNOWN_KM = 65_535
"""Stands for an unknown distance."""


def country_code(country: str) -> int:
    """The number of an ISO 3166-1 alpha-2 code, from 1; 0 for any other text.

    >>> country_code("AA"), country_code("ZZ"), country_code("Utopia")
    (1, 676, 0)
    """
    return _CODES.get(country, 0)


def read_distances() -> tuple[Array, Array]:
    """The row of each country code in the table (0 if it lacks the country), shape (677,), and the table of km, shape
    (n + 1, n + 1) of uint16; `UNKNOWN_KM` where unknown."""
    lines = re.findall(r"(\w\w),(\w\w),(\d+)", gzip.decompress(DISTANCES.read_bytes()).decode())
    countries = sorted({country for line in lines for country in line[:2]})
    rows = np.zeros(len(_CODES) + 1, np.int16)
    rows[[country_code(country) for country in countries]] = np.arange(1, len(countries) + 1)
    distances = np.full((len(countries) + 1, len(countries) + 1), UNKNOWN_KM, np.uint16)
    np.fill_diagonal(distances[1:, 1:], 0)
    one, other = (rows[[country_code(line[side]) for line in lines]] for side in (0, 1))
    distances[one, other] = distances[other, one] = [int(line[2]) for line in lines]
    return rows, distances
