"""What the JIT is told of a search is what the search does in plain Python."""

from typing import Any

import numba
import numpy as np
import pytest

from features.measures import Array
from features.ways import WAYS, holds, place_of


def search(keys: Array, wanted: Array, places: Array, held: Array) -> None:
    """Look for each key in turn."""
    for i in range(len(wanted)):
        places[i] = place_of(keys, wanted[i])
        held[i] = holds(keys, wanted[i])


compiled: Any = numba.njit(search)


@pytest.mark.parametrize("size", [WAYS, 2 * WAYS, 4 * WAYS, 128 * WAYS])
def test_a_search_finds_the_same_compiled_and_plain(size: int) -> None:
    """Keys held and not, in every place; the unknown key in tables with empty places and without; negative keys."""
    rng = np.random.default_rng(size)
    for filled in (0, size // 2, size):
        keys = np.zeros(size, np.int64)
        for place in rng.permutation(size)[:filled]:
            bucket = place // WAYS
            keys[place] = (int(rng.integers(1, 1 << 40)) * size + place) // WAYS * (size // WAYS) + bucket
        wanted = np.concatenate([keys, -keys, keys + size, [0, 1, -1, np.iinfo(np.int64).max, np.iinfo(np.int64).min]])
        places, held = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.bool_)
        compiled(keys, wanted, places, held)

        assert places.tolist() == [place_of(keys, key) for key in wanted.tolist()]
        assert held.tolist() == [holds(keys, key) for key in wanted.tolist()]
        assert [int(place) for place in places[:size] if keys[place]] == [int(p) for p in np.flatnonzero(keys)]
