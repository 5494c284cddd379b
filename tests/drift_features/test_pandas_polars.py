"""Five features written in pandas and in polars say what ours say: the definitions are plain, and ours are right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.random_events import random_events

from features import feature_names, replay, table_of
from features.history.population import empty_population
from scripts.benchmarks.library_comparison import OURS, compare
from scripts.benchmarks.pandas_polars import FIVE, as_pandas, as_polars, in_order, in_pandas, in_polars

THEIRS: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": lambda table: in_pandas(as_pandas(table)),
    "polars": lambda table: in_polars(as_polars(table)),
}


@pytest.fixture(scope="module")
def events() -> pa.Table:
    """With ties, late failures, unknown sessions, places, operators and outcomes."""
    return in_order(table_of(random_events(3_000, seed=5)))


@pytest.mark.parametrize("library", THEIRS)
@pytest.mark.parametrize("feature", FIVE)
def test_it_agrees_in_every_cell(events: pa.Table, library: str, feature: str) -> None:
    """Unknown where ours is unknown, and the same number to a billionth where it is known."""
    ours = replay(events, empty_population())[:, feature_names().index(feature)]

    theirs = THEIRS[library](events)[feature].to_numpy()

    np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("feature", FIVE)
def test_the_events_put_each_feature_to_use(events: pa.Table, feature: str) -> None:
    """Agreement means something only where values differ."""
    values = replay(events, empty_population())[:, feature_names().index(feature)]

    assert len(np.unique(values[~np.isnan(values)])) >= 2


def test_theirs_take_nothing_from_what_comes_later(events: pa.Table) -> None:
    """The first half alone gives the first half of the whole."""
    half = events.slice(0, 1_500)

    alone = [library(half)[list(FIVE)].to_numpy() for library in THEIRS.values()]
    within = [library(events)[list(FIVE)].to_numpy()[:1_500] for library in THEIRS.values()]

    np.testing.assert_allclose(alone, within, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_a_comparison_says_who_took_how_long_and_that_all_agree(events: pa.Table) -> None:
    """Ours and polars are timed twice, with one thread and with two, which polars has in a process of its own."""
    found = compare(2_000, events)

    said = [(t["library"], t["features"], t["threads"]) for t in found["timings"]]
    assert (found["events"], said, set(found["agreeing"].values())) == (
        2_000,
        [
            (OURS, len(feature_names()), 1),
            ("pandas", 5, 1),
            ("polars", 5, 1),
            (OURS, len(feature_names()), 2),
            ("polars", 5, 2),
        ],
        {(1.0, 1.0)},
    )
