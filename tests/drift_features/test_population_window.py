"""What a window of a deployment says of it, and how it is blended with what a model comes with."""

import numpy as np
import pytest
from support.random_events import random_events

from features.arrays import SECOND, Array
from features.catalogue.all import feature_names
from features.engine.batch import replay_rows, time_order
from features.engine.population_window import (
    DEFAULT_CENTER,
    DEFAULT_SPREAD,
    LEAST_SPREAD,
    SCALED_FEATURES,
    measure_window_rows,
)
from features.event.arrow import table_of
from features.event.numpy_row import row_from, rows_of
from features.history.evidence.fields import ACTION, SCALED
from features.history.evidence.frequencies import LARGEST_SHARE, VALUES, kept_values
from features.history.population import empty_population, measure_rows, population_digest
from features.history.population_blend import blend
from features.kernels.bucket_table import BUCKET, bucket_start, places_for

HUMAN = 1


def window(count: int, seed: int = 1) -> Array:
    return rows_of(table_of(random_events(count, seed=seed)))


def test_half_are_below_nought_and_two_in_a_hundred_above_the_unit() -> None:
    """In usual units the median is 0 and the 98th percentile 1, where the sum varies enough to have a unit."""
    rows = window(6_000)
    population = measure_window_rows(rows)
    sums = replay_rows(rows, population)[:, [feature_names().index(name) for name in SCALED_FEATURES]]
    mature = time_order(rows)[2_000:]
    humans = mature[rows["identity_type"][mature] == HUMAN]
    measured = population["scale_spread"][0, HUMAN] > LEAST_SPREAD * np.array(DEFAULT_SPREAD)

    assert measured.sum() >= 5
    assert np.quantile(sums[humans], 0.5, axis=0)[measured] == pytest.approx(np.zeros(measured.sum()), abs=0.05)
    assert np.quantile(sums[humans], 0.98, axis=0)[measured] == pytest.approx(np.ones(measured.sum()), abs=0.05)


def test_a_window_that_says_nothing_has_the_stated_scales() -> None:
    """With fewer rows than can be measured, every type has the defaults; there is one for each scaled feature."""
    population = measure_window_rows(window(20))

    assert (len(SCALED_FEATURES), len(DEFAULT_CENTER), len(DEFAULT_SPREAD)) == (SCALED, SCALED, SCALED)
    assert (population["scale_center"][0] == DEFAULT_CENTER).all()
    assert (population["scale_spread"][0] == DEFAULT_SPREAD).all()


def test_scaled_features_name_the_places_of_their_scales() -> None:
    """A median far above everything in one place lowers that feature and no other."""
    rows = window(800)
    low = {}
    for place, name in enumerate(SCALED_FEATURES):
        population = measure_rows(rows)
        population["scale_center"][0, :, place], population["scale_spread"][0, :, place] = 1e6, 1.0
        values = replay_rows(rows, population)
        low[name] = [other for other in SCALED_FEATURES if values[:, feature_names().index(other)].max() < -9.0]

    assert low == {name: [name] for name in SCALED_FEATURES}


def test_no_identity_counts_for_more_than_a_quarter() -> None:
    """However busy; among three each may have a third."""

    def share(busy: int, others: int) -> float:
        keys = np.concatenate([np.full(busy, 1), *(np.full(10, 2 + number) for number in range(others))])
        rows = np.repeat(row_from({"identity_type": HUMAN, "outcome": 1, "known": 1.0}), len(keys))
        rows["identity_key"], rows["action"], rows["time"] = keys, keys * 7_919, np.arange(len(keys)) * SECOND
        values = kept_values(measure_rows(rows)[0])
        counts = {int(owner): float(count) for owner, count in zip(values.owner[:, 0], values.amount, strict=True)}
        return counts[1] / len(rows)

    assert share(10_000, 20) == pytest.approx(LARGEST_SHARE)
    assert share(10_000, 2) <= 1 / 3 + 1e-9


def test_a_value_keeps_who_used_it_most() -> None:
    """So an identity's own events can be left out: the four who used a value most, with their counts."""
    keys = np.repeat([1, 2, 3, 4, 5, 6], [2, 9, 4, 7, 1, 5])
    rows = np.repeat(row_from({"identity_type": HUMAN, "outcome": 1, "known": 1.0, "action": 5}), len(keys))
    rows["identity_key"], rows["time"] = keys, np.arange(len(keys))
    population = measure_rows(rows)
    values = kept_values(population[0])
    action = np.flatnonzero(values.tag % 16 == ACTION)[0]

    capped = LARGEST_SHARE * len(keys)
    assert dict(zip(values.owner[action].tolist(), values.owned[action].tolist(), strict=True)) == pytest.approx(
        {2: capped, 4: capped, 6: 5.0, 3: 4.0}
    )


def test_from_500_events_on_a_window_speaks_alone() -> None:
    """And a type of which nothing was seen is what the model came with."""
    shipped, own = measure_window_rows(window(6_000)), measure_window_rows(window(9_000, seed=2))

    alone, nothing = blend(shipped, own), blend(shipped, empty_population())

    assert own["counted"][0, 1:, ACTION].min() >= 500.0
    by_type = [name for name in own.dtype.names or () if own[name].shape[1] == 5]
    assert [name for name in by_type if alone[name][0, 1:].tobytes() != own[name][0, 1:].tobytes()] == []
    assert alone["value_amount"].tobytes() == own["value_amount"].tobytes()
    assert nothing["counted"][0, 1:, ACTION] == pytest.approx([500.0] * 4)
    assert nothing["scale_spread"][0, 1:].tobytes() == shipped["scale_spread"][0, 1:].tobytes()
    assert nothing["hour_rarity"][0, 1:] == pytest.approx(shipped["hour_rarity"][0, 1:])
    assert not nothing["member_key"].any()


def test_a_small_window_counts_as_what_it_has_of_500() -> None:
    """With 100 events of 500 the own shares and scales weigh a fifth."""
    shipped, own = measure_window_rows(window(6_000)), measure_window_rows(window(600, seed=2))
    weight = own["counted"][0, HUMAN, ACTION] / 500.0
    blended = blend(shipped, own)

    def mixed(name: str) -> Array:
        mean: Array = weight * own[name][0, HUMAN] + (1.0 - weight) * shipped[name][0, HUMAN]
        return mean

    assert 0.1 < weight < 0.9
    assert blended["scale_center"][0, HUMAN] == pytest.approx(mixed("scale_center"))
    assert blended["people"][0, HUMAN] == pytest.approx(mixed("people"))
    assert blended["counted"][0, HUMAN, ACTION] == pytest.approx(500.0)
    assert blended["member_key"].tobytes() == own["member_key"].tobytes()
    largest = feature_names().index("largest_evidence_in_session")
    assert np.isfinite(replay_rows(window(50, seed=3), blended)[:, largest]).all()


def test_every_population_has_a_digest_of_its_own() -> None:
    """One changed scale is another population."""
    population = measure_window_rows(window(300))
    other = population.copy()
    other["scale_center"][0, HUMAN, 3] += 1e-9

    assert population_digest(population) == population_digest(population.copy()) != population_digest(other)


def test_a_full_bucket_keeps_the_most_common() -> None:
    """Of many keys for few places each bucket holds its eight highest counts."""
    rng = np.random.default_rng(5)
    keys, counts = np.unique(rng.integers(1, 2**62, 3_000)), rng.random(3_000)
    places = places_for(keys, counts, 1_024)
    table = np.zeros(1_024, np.int64)
    buckets = np.array([bucket_start(table, key) for key in keys.tolist()])

    for start in range(0, 1_024, BUCKET):
        here = np.flatnonzero(buckets == start)
        kept = here[places[here] >= 0]
        assert set(kept) == set(here[np.argsort(-counts[here])][:BUCKET])
        assert (places[kept] // BUCKET * BUCKET == start).all()
    assert len(set(places[places >= 0].tolist())) == (places >= 0).sum()


def test_a_window_of_many_values_keeps_its_bounds() -> None:
    """A hundred thousand distinct actions take no more room than ten."""
    rows = np.repeat(row_from({"identity_type": HUMAN, "outcome": 1, "known": 1.0}), 100_000)
    rows["identity_key"], rows["time"] = 1 + np.arange(100_000) % 5_000, np.arange(100_000) * SECOND
    rows["action"] = np.arange(100_000) * 7_919 + 1

    population = measure_rows(rows)

    assert (population.nbytes < 4_000_000, len(kept_values(population[0]).key) <= VALUES) == (True, True)
    assert population["distinct"][0, HUMAN, ACTION] == 100_000
