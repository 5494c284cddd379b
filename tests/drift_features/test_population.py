"""The population is a frozen snapshot, one voice an identity."""

import math
from pathlib import Path

import numpy as np
import pytest
from support.random_events import random_events

from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.event.arrow import table_of
from features.history.population import empty_population, load_population, measure_population, save_population


def test_an_unmeasured_population_says_nothing() -> None:
    """Without a snapshot every rarity against it is unknown."""
    matrix = replay(table_of(random_events(50, seed=1)), empty_population())
    columns = [i for i, name in enumerate(feature_names()) if "population" in name]

    assert bool(np.isnan(matrix[:, columns]).all())


def test_a_busy_identity_counts_once() -> None:
    """The share is of identities, not of events."""
    events = [e for e in random_events(4_000, seed=2) if e.action.outcome == "success" and e.device.user_agent]
    twice = measure_population(table_of([*events, *[e for e in events if e.identity.id == "identity-3"] * 5]))
    once = measure_population(table_of(events))
    shares = [name for name in once.dtype.names or () if name == "people" or name.endswith("_rarity")]

    assert [name for name in shares if twice[name].tobytes() != once[name].tobytes()] == []


def test_a_population_survives_its_file(tmp_path: Path) -> None:
    """What is loaded is what was measured, to the last bit."""
    population = measure_population(table_of(random_events(500, seed=3)))
    save_population(population, tmp_path / "population.npy")

    assert load_population(tmp_path / "population.npy").tobytes() == population.tobytes()


def test_another_layout_is_refused(tmp_path: Path) -> None:
    """A snapshot of another build is named, not reinterpreted."""
    np.save(tmp_path / "population.npy", np.zeros(3))

    with pytest.raises(ValueError, match="retrain"):
        load_population(tmp_path / "population.npy")


def test_what_nobody_does_is_rarest() -> None:
    """A value outside the snapshot counts as one in a hundred."""
    events = random_events(800, seed=4)
    population = measure_population(table_of(events))
    stranger = events[0].model_copy(update={"action": events[0].action.model_copy(update={"name": "never:Seen"})})

    value = replay(table_of([stranger]), population)[0, feature_names().index("action_population_rarity")]

    assert value == pytest.approx(-math.log(0.01))
