"""A search gives the same compiled and in plain Python."""

from typing import Any

import numba
import numpy as np
import pytest

from features.arrays import NEVER, Array
from features.kernels.bucket_table import BUCKET, contains, position_of, position_of_smallest, value_of


def search(keys: Array, amounts: Array, wanted: Array, places: Array, held: Array, beside: Array) -> None:
    """Look for each key in turn."""
    for i in range(len(wanted)):
        places[i] = position_of(keys, wanted[i])
        held[i] = contains(keys, wanted[i])
        beside[i] = value_of(keys, amounts, wanted[i], -1.0)


def least(amounts: Array, starts: Array, places: Array) -> None:
    """Look for the smallest of each eight."""
    for i in range(len(starts)):
        places[i] = position_of_smallest(amounts, starts[i])


compiled: Any = numba.njit(search)
compiled_least: Any = numba.njit(least)


@pytest.mark.parametrize("size", [BUCKET, 2 * BUCKET, 4 * BUCKET, 128 * BUCKET])
def test_a_search_finds_the_same_compiled_and_plain(size: int) -> None:
    """Keys held and not, in every place; the unknown key in tables with empty places and without; negative keys."""
    rng = np.random.default_rng(size)
    for filled in (0, size // 2, size):
        keys = np.zeros(size, np.int64)
        for place in rng.permutation(size)[:filled]:
            bucket = place // BUCKET
            keys[place] = (int(rng.integers(1, 1 << 40)) * size + place) // BUCKET * (size // BUCKET) + bucket
        wanted = np.concatenate([keys, -keys, keys + size, [0, 1, -1, np.iinfo(np.int64).max, np.iinfo(np.int64).min]])
        amounts, beside = rng.random(size), np.empty(len(wanted))
        places, held = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.bool_)
        compiled(keys, amounts, wanted, places, held, beside)

        assert places.tolist() == [position_of(keys, key) for key in wanted.tolist()]
        assert held.tolist() == [contains(keys, key) for key in wanted.tolist()]
        assert beside.tolist() == [value_of(keys, amounts, key, -1.0) for key in wanted.tolist()]
        assert [int(place) for place in places[:size] if keys[place]] == [int(p) for p in np.flatnonzero(keys)]


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_the_smallest_is_the_same_compiled_and_plain(kind: type) -> None:
    """The first of several, wherever they stand, among the smallest and largest numbers there are."""
    rng = np.random.default_rng(1)
    amounts: Array = rng.integers(0, 4, 800 * BUCKET).astype(kind)
    amounts[: 3 * BUCKET] = [*[NEVER] * BUCKET, *[2**62] * BUCKET, *range(BUCKET, 0, -1)]
    starts = np.arange(0, len(amounts), BUCKET)
    places = np.empty_like(starts)
    compiled_least(amounts, starts, places)

    assert places.tolist() == [position_of_smallest(amounts, start) for start in starts.tolist()]
